package decodertest

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Text is a record.Record in a form that is comparable, outlives the Decoder and reads
// well as JSON.
type Text struct {
	Log             record.Log `json:"-"`
	Time            string     // RFC 3339
	AccountID       string     `json:",omitempty"`
	Region          string     `json:",omitempty"`
	Host            string     `json:",omitempty"`
	Bucket          string     `json:",omitempty"`
	Operation       string
	Key             string `json:",omitempty"`
	Requester       string `json:",omitempty"`
	Anonymous       bool   `json:",omitempty"`
	InvokedBy       string `json:",omitempty"`
	SourceIP        string `json:",omitempty"`
	UserAgent       string `json:",omitempty"`
	Signature       string
	AuthMethod      string
	Status          int    `json:",omitempty"`
	ErrorCode       string `json:",omitempty"`
	SentBytes       int64
	ReceivedBytes   int64
	Duration        int64
	RequestID       string `json:",omitempty"`
	EventID         string `json:",omitempty"`
	SharedEventID   string `json:",omitempty"`
	OriginalEventID string `json:",omitempty"`
	NewSchema       bool   `json:",omitempty"`

	Transport            string
	TLSVersion           string `json:",omitempty"`
	CipherSuite          string `json:",omitempty"`
	ACLRequired          string
	Referer              string `json:",omitempty"`
	VersionID            string `json:",omitempty"`
	ObjectSize           int64
	TurnAround           int64
	AccessPoint          string `json:",omitempty"`
	SourceRegion         string `json:",omitempty"`
	AccessKeyID          string `json:",omitempty"`
	VPCEndpointID        string `json:",omitempty"`
	VPCEndpointAccountID string `json:",omitempty"`
	MFA                  string
	Console              string
}

// TextOf returns the Text of a record.
func TextOf(r *record.Record) Text {
	return Text{
		Log:             r.Log,
		Time:            time.Unix(r.Time, 0).UTC().Format(time.RFC3339),
		AccountID:       readable(r.AccountID),
		Region:          readable(r.Region),
		Host:            readable(r.Host),
		Bucket:          readable(r.Bucket),
		Operation:       readable(r.Operation),
		Key:             readable(r.Key),
		Requester:       readable(r.Requester),
		Anonymous:       r.Anonymous,
		InvokedBy:       readable(r.InvokedBy),
		SourceIP:        readable(r.SourceIP),
		UserAgent:       readable(r.UserAgent),
		Signature:       r.Signature.String(),
		AuthMethod:      r.AuthMethod.String(),
		Status:          r.Status,
		ErrorCode:       readable(r.ErrorCode),
		SentBytes:       r.SentBytes,
		ReceivedBytes:   r.ReceivedBytes,
		Duration:        r.Duration,
		RequestID:       readable(r.RequestID),
		EventID:         readable(r.EventID),
		SharedEventID:   readable(r.SharedEventID),
		OriginalEventID: readable(r.OriginalEventID),
		NewSchema:       r.NewSchema,

		Transport:            r.Transport.String(),
		TLSVersion:           readable(r.TLSVersion),
		CipherSuite:          readable(r.CipherSuite),
		ACLRequired:          r.ACLRequired.String(),
		Referer:              readable(r.Referer),
		VersionID:            readable(r.VersionID),
		ObjectSize:           r.ObjectSize,
		TurnAround:           r.TurnAround,
		AccessPoint:          readable(r.AccessPoint),
		SourceRegion:         readable(r.SourceRegion),
		AccessKeyID:          readable(r.AccessKeyID),
		VPCEndpointID:        readable(r.VPCEndpointID),
		VPCEndpointAccountID: readable(r.VPCEndpointAccountID),
		MFA:                  r.MFA.String(),
		Console:              r.Console.String(),
	}
}

// readable returns any bytes as text that JSON keeps: it would lose those that are not
// UTF-8.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return "bytes " + strconv.Quote(string(b))
}
