//go:build integration

package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// chaos is a proxy in front of an S3 server that answers as S3 does on bad days.
type chaos struct {
	*httptest.Server
	objects  atomic.Bool // each object is struck by the fault that its key chooses
	listings atomic.Bool // all listings fail
}

// fault is a way in which the answer to a GetObject is wrong.
type fault struct {
	reason string // for which the object is not counted
	answer func(w http.ResponseWriter)
	spoil  func(r *http.Response) error // if there is no answer: what is wrong about S3's
}

var faults = []fault{
	{reason: "server_error", answer: refusal(http.StatusInternalServerError, "InternalError")},
	{reason: "throttled", answer: refusal(http.StatusServiceUnavailable, "SlowDown")},
	{reason: "throttled", answer: refusal(http.StatusBadRequest, "KMS.ThrottlingException")},
	{reason: "access_denied", answer: refusal(http.StatusForbidden, "AccessDenied")},
	{reason: "timeout", answer: refusal(http.StatusBadRequest, "RequestTimeout")},
	{reason: "network", spoil: cutBody},
	{reason: "checksum", spoil: shortenBody},
	{reason: "checksum", spoil: corruptBody},
	{reason: "checksum", spoil: falsifyChecksum},
}

// goneSuffix ends the keys of objects that are listed but cannot be had.
const goneSuffix = "0000000000000000"

// startChaos starts a proxy in front of a server.
func startChaos(t *testing.T, server string) *chaos {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	c := &chaos{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: func(r *http.Response) error {
			if f := c.fault(r.Request); f.spoil != nil {
				return f.spoil(r)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(io.Discard, "", 0), // bodies that do not end are wanted
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch f := c.fault(r); {
		case isListing(r) && c.listings.Load():
			refusal(http.StatusInternalServerError, "InternalError")(w)
		case strings.HasSuffix(r.URL.Path, goneSuffix):
			refusal(http.StatusNotFound, "NoSuchKey")(w)
		case f.answer != nil:
			f.answer(w)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func isListing(r *http.Request) bool { return r.URL.Query().Has("list-type") }

// fault returns what is to be wrong about the answer to a request, if anything.
func (c *chaos) fault(r *http.Request) fault {
	if isListing(r) || !c.objects.Load() {
		return fault{}
	}
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, r.URL.Path) // it cannot fail
	return faults[hash.Sum32()%uint32(len(faults))]
}

// refusal returns an answer in the form that S3 gives it.
func refusal(status int, code string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+
			`<Error><Code>%s</Code><Message>It is a bad day.</Message><RequestId>0A1B2C3D4E5F6789</RequestId></Error>`, code)
	}
}

// cutBody ends the connection in the middle of the body.
func cutBody(r *http.Response) error {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, r.ContentLength/2), r.Body}
	return nil
}

// shortenBody drops the last byte and denies that there was one.
func shortenBody(r *http.Response) error {
	whole, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.ContentLength = int64(len(whole) - 1)
	r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	r.Body = io.NopCloser(bytes.NewReader(whole[:r.ContentLength]))
	return nil
}

// corruptBody changes a byte on its way.
func corruptBody(r *http.Response) error {
	whole, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	whole[len(whole)/2] ^= 0x20
	r.Body = io.NopCloser(bytes.NewReader(whole))
	return nil
}

// falsifyChecksum makes the body one of another object.
func falsifyChecksum(r *http.Response) error {
	r.Header.Set("X-Amz-Checksum-Crc32", "AAAAAA==")
	return nil
}
