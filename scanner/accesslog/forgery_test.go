package accesslog

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// layouts are lines with REFERER and AGENT in the places of what a client writes.
var layouts = map[string]string{
	"27 fields, SigV2":                modern("14/Nov/2026", "arn:aws:iam::111122223333:user/a", `- aG9zdA== SigV2 TLS_AES_128_GCM_SHA256 AuthHeader example.com TLSv1.3 - - -`),
	"24 fields, SigV4":                modern("03/Sep/2019", "arn:aws:iam::111122223333:user/a", `- aG9zdA== SigV4 TLS_AES_128_GCM_SHA256 QueryString example.com TLSv1.2`),
	"unsigned":                        modern("14/Nov/2026", "-", `- aG9zdA== - TLS_AES_128_GCM_SHA256 - example.com TLSv1.3 - - -`),
	"plain HTTP":                      modern("14/Nov/2026", "-", `- aG9zdA== - - - example.com - - - -`),
	"no host":                         modern("14/Nov/2026", "-", `- aG9zdA== - - - - - - - -`),
	"March 2019":                      modern("14/Mar/2019", "arn:aws:iam::111122223333:user/a", `- - aG9zdA== SigV2 - AuthHeader example.com -`),
	"18 fields":                       modern("14/Nov/2016", "arn:aws:iam::111122223333:user/a", `-`),
	"18 fields today":                 modern("14/Nov/2026", "arn:aws:iam::111122223333:user/a", `-`),
	"17 fields":                       strings.TrimSuffix(modern("14/Nov/2008", "-", ``), " "),
	"Wasabi":                          strings.Replace(modern("14/Nov/2026", "ABC", `-`), " HTTP/1.1", "", 1),
	"a quoted host":                   modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader "example.com" TLSv1.3 - - -`),
	"a quoted end":                    modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader example.com TLSv1.3 - - - "x y"`),
	"no host, signed":                 modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader - - - - -`),
	"HTTP/1.0 without a host, signed": modern("14/Nov/2026", "a", `- `+hostID+` SigV2 - AuthHeader - - - - -`),
	"HTTP/1.0 without a host":         modern("14/Nov/2026", "-", `- `+hostID+` - - - - - - - -`),
	"no host, a quoted end":           modern("14/Nov/2026", "a", `- aG9zdA== SigV2 TLS AuthHeader - TLSv1.3 - - - "x y"`),
	"no host, quoted":                 modern("14/Nov/2026", "a", `- aG9zdA== SigV2 TLS AuthHeader "-" TLSv1.3 - - -`),
	"a TLS version of a new form":     modern("14/Nov/2026", "a", `- aG9zdA== SigV2 QUIC AuthHeader example.com QUICv2 - - - "x y" -  -`),
	"no HTTP version, a quoted end":   strings.Replace(modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader example.com - - - - "x y"`), " HTTP/1.1", "", 1),
	"an authentication of a new kind": modern("14/Nov/2026", "a", `- aG9zdA== SigV2 TLS Session example.com TLSv1.3 - - - "x y"`),
	"Ceph": `alice photos [14/Nov/2026:11:15:27 +0200] 192.0.2.7 alice tx00000000000000000abcd-0066b1f1f1-106c-default ` +
		`REST.GET.OBJECT a b "GET /photos/a%20b HTTP/1.1" 200 - 512 512 - 3ms REFERER "AGENT" - - SigV2 - AuthHeader rgw.example.com - - -`,
	"Ceph until 2026": `alice photos [14/Nov/2025:11:15:27 +0200] 192.0.2.7 alice 9e369a15-5f43-4f07-b638-de920b22f91b.4179.15085270386962380710 ` +
		`REST.GET.OBJECT a b "GET /photos/a%20b HTTP/1.1" 200 - - 512 - 3ms REFERER "AGENT" - - SigV2 - AuthHeader rgw.example.com - - -`,
}

// hostID is one of AWS's form.
const hostID = "aG9zdElEaG9zdElEaG9zdElEaG9zdElEaG9zdElEaG9zdElEaG9zdElEaG9zdElEaG9zdElEaG8="

func modern(day, requester, tail string) string {
	return `0a1b2c3d example-bucket [` + day + `:09:15:27 +0000] 192.0.2.10 ` + requester + ` 79A5B3C1D2E4F607 REST.GET.OBJECT key ` +
		`"GET /key HTTP/1.1" 200 - 5 5 3 2 "REFERER" "AGENT" ` + tail
}

// pieces are what a client may think of to put into a header.
var pieces = []string{
	`"`, `" `, ` "`, ` `, `-`, `" "`, `" - `, ` - aG9zdA== SigV4 TLS AuthHeader h TLSv1.3 - - -`, ` - h - - - h - - - -`, ` SigV4`, ` SigV2 - AuthHeader`,
	` "h"`, ` "x y"`, ` TLSv1.3`, ` HTTP/1.1" 200 - 1 1 1 1`, ` "GET /k HTTP/1.1" 404 - 1 1 - 1 - "u" - - SigV4 - AuthHeader h - - -`,
	` REST.PUT.OBJECT`, ` a`, ` -`, ` Sig`, `AuthHeader`, `curl/8.5.0`,
}

// clientsHosts are lines of stores that write the host, and Ceph a host ID too, as the client
// sends them.
var clientsHosts = map[string]string{
	"quoted":                   modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader "HOST" - - - -`),
	"quoted, 24 fields":        modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader "HOST" TLSv1.3`),
	"quoted, unsigned":         modern("14/Nov/2026", "-", `- aG9zdA== - TLS - "HOST" TLSv1.3 - - -`),
	"quoted, and a quoted end": modern("14/Nov/2026", "a", `- aG9zdA== SigV2 - AuthHeader "HOST" - - - - "x y"`),
	"Ceph":                     strings.Replace(layouts["Ceph"], "- - SigV2 - AuthHeader rgw.example.com", "- HEADER SigV2 - AuthHeader HOST", 1),
	"Ceph until 2026":          strings.Replace(layouts["Ceph until 2026"], "- - SigV2 - AuthHeader rgw.example.com", "- HEADER SigV2 - AuthHeader HOST", 1),
}

// The same of a Host header. No field left of it, nor the way that the request came, is
// another one by what it holds.
func TestDecoder_LetsNoHostForgeAnotherField(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	more := append([]string{`y"`, `z"z`, `h`, `a b`, `"x"y" - aG9zdA== SigV4 TLS AuthHeader h TLSv1.3 -`, `" "TLSv1.3`, `"" - - - - - - - -`}, pieces...)
	write := func() string {
		var text strings.Builder
		for range random.IntN(4) {
			text.WriteString(more[random.IntN(len(more))])
		}
		return strings.TrimSpace(text.String())
	}
	for name, layout := range clientsHosts {
		t.Run(name, func(t *testing.T) {
			read := func(agent, header, host string) (decodertest.Text, bool) {
				line := strings.NewReplacer("REFERER", "-", "AGENT", agent, "HEADER", header, "HOST", host).Replace(layout)
				records, _, _ := decodeAll(strings.NewReader(line))
				if len(records) == 0 {
					return decodertest.Text{}, false
				}
				records[0].UserAgent, records[0].Host = "", ""
				return records[0], true
			}
			want, ok := read("curl/8.5.0", "-", "example.com")
			if !ok {
				t.Fatal("malformed")
			}
			sound := 0
			for range 5_000 {
				agent, header, host := "curl/8.5.0", "-", write()
				if random.IntN(2) == 0 {
					agent, header = write(), write()
				}
				got, ok := read(agent, header, host)
				if !ok {
					continue
				}
				sound++
				if got != want {
					t.Fatalf("User agent %q, header %q and host %q:\n got %+v\nwant %+v", agent, header, host, got, want)
				}
			}
			if sound < 100 {
				t.Errorf("only %d lines are sound", sound)
			}
		})
	}
}

// The same of a version ID that a store writes as it came: a quote in it must not make what
// a user agent ends in pass for the fields behind it.
func TestDecoder_LetsNoVersionIDForgeAnotherField(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	layouts := map[string]string{
		"SigV2":             modern("14/Nov/2026", "a", `VERSION aG9zdA== SigV2 TLS AuthHeader example.com TLSv1.3 - - -`),
		"SigV2, plain HTTP": modern("14/Nov/2026", "a", `VERSION aG9zdA== SigV2 - AuthHeader example.com - - - -`),
		"unsigned":          modern("14/Nov/2026", "-", `VERSION aG9zdA== - TLS - example.com TLSv1.3 - - -`),
	}
	forgeries := append([]string{`x" - aG9zdA== SigV4 TLS AuthHeader h TLSv1.3 - - - "y`, `x" - aG9zdA== SigV4 TLS AuthHeader h TLSv1.3 - - - y`}, pieces...)
	versions := []string{`a"b`, `x"`, `"x`, `"`, `"-"`, `"-"-`, `""`, `x"y"z`, `-"-`, `SigV4`, `-`}
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			read := func(agent, version string) (decodertest.Text, bool) {
				line := strings.NewReplacer("REFERER", "-", "AGENT", agent, "VERSION", version).Replace(layout)
				records, _, _ := decodeAll(strings.NewReader(line))
				if len(records) == 0 {
					return decodertest.Text{}, false
				}
				records[0].UserAgent, records[0].VersionID, records[0].Referer = "", "", ""
				return records[0], true
			}
			want, ok := read("curl/8.5.0", "-")
			if !ok {
				t.Fatal("malformed")
			}
			for _, version := range versions {
				for i := range 500 {
					agent := forgeries[i%len(forgeries)]
					for range random.IntN(4) * min(1, i/len(forgeries)) {
						agent += forgeries[random.IntN(len(forgeries))]
					}
					agent = strings.TrimSpace(agent[:min(len(agent), 300)])
					if got, ok := read(agent, version); ok && got != want {
						t.Fatalf("User agent %q and version ID %q:\n got %+v\nwant %+v", agent, version, got, want)
					}
				}
			}
		})
	}
}

// A client that leaves out the Host header, as HTTP/1.0 may, cannot make its requests
// malformed by its user agent, and so uncounted.
func TestDecoder_CountsRequestsWithoutAHostWhateverTheUserAgent(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for name, layout := range layouts {
		if !strings.HasPrefix(name, "HTTP/1.0") {
			continue
		}
		for range 5_000 {
			var agent strings.Builder
			for range random.IntN(7) {
				agent.WriteString(pieces[random.IntN(len(pieces))])
			}
			line := strings.NewReplacer("REFERER", "-", "AGENT", strings.TrimSpace(agent.String())).Replace(layout)
			if records, _, _ := decodeAll(strings.NewReader(line)); len(records) != 1 {
				t.Fatalf("%s: malformed: %s", name, line)
			}
		}
	}
}

// Whatever a client writes as its Referer and user agent, all other fields are as if it had
// not, or the line is malformed.
func TestDecoder_LetsNoHeaderForgeAnotherField(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	write := func() string {
		var text strings.Builder
		for range random.IntN(7) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		return strings.TrimSpace(text.String()) // as HTTP does
	}
	read := func(line string) (decodertest.Text, bool) {
		records, _, _ := decodeAll(strings.NewReader(line))
		if len(records) == 0 {
			return decodertest.Text{}, false
		}
		return records[0], true
	}
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			fill := func(referer, agent string) string {
				return strings.NewReplacer("REFERER", referer, "AGENT", agent).Replace(layout)
			}
			want, ok := read(fill("-", "curl/8.5.0"))
			if !ok {
				t.Fatal("malformed")
			}
			sound := 0
			for range 5_000 {
				referer, agent := "-", write()
				if random.IntN(3) == 0 {
					if referer = write(); referer == "" {
						referer = "-"
					}
				}
				got, ok := read(fill(referer, agent))
				if !ok {
					continue
				}
				sound++
				got.UserAgent, got.Referer = want.UserAgent, want.Referer
				if got != want {
					t.Fatalf("Referer %q and user agent %q:\n got %+v\nwant %+v", referer, agent, got, want)
				}
			}
			if sound < 500 {
				t.Errorf("only %d lines are sound", sound)
			}
		})
	}
}
