package s3source

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// page is a listing's answer with these keys and the elements of rest.
func page(rest string, keys ...string) string {
	var b strings.Builder
	b.WriteString("<ListBucketResult>" + rest)
	for _, key := range keys {
		b.WriteString("<Contents><Key>" + key + "</Key><Size>1</Size><LastModified>2026-11-21T08:00:00.000Z</LastModified></Contents>")
	}
	b.WriteString("</ListBucketResult>")
	return b.String()
}

func TestList_NeverEndsInSilence(t *testing.T) {
	isolate(t)
	const more = "<IsTruncated>true</IsTruncated>"
	const end = "<IsTruncated>false</IsTruncated>"
	token := func(s string) string { return more + "<NextContinuationToken>" + s + "</NextContinuationToken>" }
	tests := []struct {
		name               string
		prefix, startAfter string
		pages              []string // the last one is repeated
		keys               []string // that come before the error
		want               string
	}{
		{"no token", "", "", []string{page(more, "a")}, nil, "cut the listing short"},
		{"a token twice", "", "", []string{page(token("t"), "a"), page(token("t"), "b")}, []string{"a"}, "same continuation token"},
		{"the same page again", "", "", []string{page(token("t"), "a"), page(token("u"), "a")}, []string{"a"}, `key "a" after "a"`},
		{"keys out of order", "", "", []string{page(end, "b", "a")}, nil, `key "a" after "b"`},
		{"UTF-16 order", "", "", []string{page(end, "\U0001f600", "\uff5e")}, nil, "after"},
		{"start-after ignored", "", "b", []string{page(end, "a", "b", "c")}, nil, `key "a" after "b"`},
		{"the start again", "", "b", []string{page(end, "b", "c")}, nil, `key "b" after "b"`},
		{"prefix ignored", "logs/", "", []string{page(end, "logs", "logs/a")}, nil, `key "logs", which is outside`},
		{"a page of another prefix", "logs/", "", []string{page(end + "<Prefix>log/</Prefix>")}, nil, `prefix "log/", which is not the one`},
		{"a page of the prefix as it is encoded", "a+b/", "", []string{page(end + "<EncodingType>url</EncodingType><Prefix>a%2520b/</Prefix>")}, nil, `prefix "a%2520b/"`},
		{"a page of a later start", "logs/", "logs/b", []string{page(token("t")+"<Prefix>logs/</Prefix><StartAfter>logs/b</StartAfter>", "logs/c"), page(end + "<StartAfter>logs/x</StartAfter>")}, []string{"logs/c"}, `after "logs/x"`},
		{"no key", "", "", []string{page(end, "")}, nil, `key "" after ""`},
		{"bad encoding", "", "", []string{page(end+"<EncodingType>url</EncodingType>", "a%2")}, nil, "not URL-encoded"},
		{"half an answer", "", "", []string{page(end, "a")[:90]}, nil, ""},
		{"no XML", "", "", []string{"welcome to the proxy"}, nil, "whether the listing is complete"},
		{"nothing", "", "", []string{""}, nil, "whether the listing is complete"},
		{"no end", "", "", []string{page("", "a")}, nil, "whether the listing is complete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				_, _ = io.WriteString(w, tt.pages[min(asked, len(tt.pages)-1)])
				asked++
			})))
			keys, err := keysOf(t, src, tt.prefix, tt.startAfter)
			wantReason(t, err, "list", source.ReasonListing)
			if !strings.Contains(err.Error(), tt.want) || !slices.Equal(keys, tt.keys) {
				t.Errorf("got %q and %v, want %q and ...%s...", keys, err, tt.keys, tt.want)
			}
		})
	}
}

func TestList_EndsAnEndlessListing(t *testing.T) {
	isolate(t)
	tests := []struct {
		name  string
		write func(w io.Writer, asked int) // an answer
		pages int                          // that are asked for
		want  string
	}{
		{"new tokens for ever", func(w io.Writer, asked int) {
			_, _ = io.WriteString(w, page(fmt.Sprintf("<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", asked)))
		}, maxEmptyPages + 1, "1001 pages without a key"},
		{"a key of 1025 bytes", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, page("<IsTruncated>false</IsTruncated>", strings.Repeat("k", maxKey+1)))
		}, 1, "a key of 1025 bytes"},
		{"a key of 500 MB", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>")
			repeat(w, "k", 500_000_000)
		}, 1, "a name or text of more than 16384 bytes"},
		{"a tag of 500 MB", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, "<ListBucketResult ")
			repeat(w, ` a=""`, 500_000_000)
		}, 1, "a name or text of more than 16384 bytes"},
		{"10 million nested elements", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			repeat(w, "<a>", 30_000_000)
		}, 1, "more than 100000 tags"},
		{"elements of 500 MB", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			repeat(w, "<Name>"+strings.Repeat("n", maxRun)+"</Name>", 500_000_000)
		}, 1, "more than 8388608 bytes"},
		{"a million keys in a page", func(w io.Writer, _ int) {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			repeat(w, "<Contents><Key>k</Key></Contents>", 33_000_000)
		}, 1, "more than 100000 tags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				tt.write(w, int(asked.Add(1)))
			})))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			keys, err := keysOf(t, src, "", "")
			runtime.ReadMemStats(&after)
			wantReason(t, err, "list", source.ReasonListing)
			if !strings.Contains(err.Error(), tt.want) || len(keys) > 0 {
				t.Errorf("got %q and %v, want ...%s...", keys, err, tt.want)
			}
			if got := int(asked.Load()); got != tt.pages {
				t.Errorf("%d pages were asked for, want %d", got, tt.pages)
			}
			var failed *source.Error
			if errors.As(err, &failed); tt.pages > 1 && failed.Requests != tt.pages {
				t.Errorf("it shows %d requests, and took %d", failed.Requests, tt.pages)
			}
			if total := after.TotalAlloc - before.TotalAlloc; tt.pages == 1 && total > 100<<20 {
				t.Errorf("%d MiB were allocated for one page", total>>20)
			}
		})
	}
}

func TestList_TakesTheLargestPageOfS3(t *testing.T) {
	isolate(t)
	const entry = `<Contents><Key>%s</Key><LastModified>2026-11-21T08:00:00.000Z</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef-10000&quot;</ETag>` +
		`<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>5497558138880</Size>` +
		`<Owner><ID>0123456789012345678901234567890123456789012345678901234567890123</ID><DisplayName>example</DisplayName></Owner>` +
		`<StorageClass>INTELLIGENT_TIERING</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>` +
		`<RestoreExpiryDate>2026-11-21T08:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>`
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>")
		for i := range source.PageSize {
			_, _ = fmt.Fprintf(w, entry, fmt.Sprintf("%04d", i)+strings.Repeat("%C3%A9", (maxKey-4)/2))
		}
		_, _ = io.WriteString(w, "</ListBucketResult>")
	})))
	keys, err := keysOf(t, src, "", "")
	if err != nil || len(keys) != source.PageSize || len(keys[0]) != maxKey {
		t.Errorf("got %d keys and %v", len(keys), err)
	}
}

func TestList_DecodesKeysAndGoesOnAfterAnEmptyPage(t *testing.T) {
	isolate(t)
	const encoded = "<EncodingType>url</EncodingType>"
	const token = "<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=</NextContinuationToken>"
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("encoding-type") != "url" || q.Get("max-keys") != "1000" || q.Get("list-type") != "2" || q.Has("delimiter") {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		w.Header().Set("Content-Type", "application/xml")
		switch {
		case q.Get("continuation-token") == "a+b/=":
			_, _ = io.WriteString(w, page(encoded+"<IsTruncated>false</IsTruncated>", "a%01b", "a+b", "a%2520", "a%2Bb", "%C3%A9"))
		default:
			_, _ = io.WriteString(w, page(encoded+token))
		}
	})))
	keys, err := keysOf(t, src, "", "")
	if want := []string{"a\x01b", "a b", "a%20", "a+b", "é"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("got %q and %v, want %q", keys, err, want)
	}
}

func TestList_TakesAnyFormInWhichAStoreRepeatsTheQuestion(t *testing.T) {
	isolate(t)
	for _, repeated := range []string{
		"", "<Prefix></Prefix><StartAfter></StartAfter>",
		"<Prefix>a b+c/%41/é</Prefix><StartAfter>a b+c/%41/é1</StartAfter>",
		"<EncodingType>url</EncodingType><Prefix>a b+c/%41/é</Prefix><StartAfter>a b+c/%41/é1</StartAfter>",
		"<EncodingType>url</EncodingType><Prefix>a+b%2Bc/%2541/%C3%A9</Prefix><StartAfter>a%20b%2Bc%2F%2541%2F%C3%A91</StartAfter>",
	} {
		src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, page("<IsTruncated>false</IsTruncated>"+repeated))
		})))
		if keys, err := keysOf(t, src, "a b+c/%41/é", "a b+c/%41/é1"); err != nil || len(keys) > 0 {
			t.Errorf("%s: got %q and %v", repeated, keys, err)
		}
	}
}
