package cloudtrail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// ordinaryEvents returns events that are written as most are.
func ordinaryEvents(t *testing.T, random *rand.Rand) []json.RawMessage {
	t.Helper()
	events := readFixture(t, "testdata/ordinary.json")
	for i := range events {
		events[i] = individual(random, events[i])
	}
	return events
}

// taught returns a Decoder that has read events.
func taught(t *testing.T, events ...json.RawMessage) *Decoder {
	t.Helper()
	d := NewDecoder(nil)
	if got := decode(d, bytes.NewReader(logOf(events...))); got.err != "" {
		t.Fatal(got.err)
	}
	return d
}

// knownSize returns the size of the event that text begins with if its shape is known.
func knownSize(d *Decoder, text []byte) int {
	var e event
	size, _ := d.scanner.shapes.match(append(slices.Clone(text), make([]byte, jsonscan.Padding)...), &e)
	return size
}

func TestShapes_KnowAnEventByWhatDoesNotVary(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	events := ordinaryEvents(t, random)
	d := taught(t, events...)
	for _, e := range events {
		if !bytes.Contains(e, []byte(`"s3.amazonaws.com"`)) {
			continue
		}
		other := individual(random, e)
		if size := knownSize(d, other); size != len(other) {
			t.Errorf("%d bytes are known, want all %d of %s", size, len(other), other)
		}
	}
}

// Whatever is other in an event of a known shape, or wrong, is seen.
func TestShapes_HideNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, event := range ordinaryEvents(t, random) {
		d := taught(t, event)
		for at := range event {
			const others = `"\,:}]0e. x` + "\x00\x80"
			changed := slices.Clone(event)
			changed[at] = others[random.IntN(len(others))]
			for _, data := range [][]byte{logOf(changed), logOf(slices.Delete(slices.Clone(event), at, at+1)), logOf(event)[:len(`{"Records":[`)+at]} {
				compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
			}
		}
	}
}

// Events of few shapes, whose values vary in every way that JSON has.
func TestShapes_AgreeWithTheReferenceOnValuesOfAnyType(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	varying := []string{`"a"`, `"another"`, `""`, `"caf\u00e9 \"\\"`, `0`, `7`, `1200`, `0.5`}
	others := []string{`-3`, `1e3`, `null`, `true`, `[]`, `["a",1]`, `{}`, `{"a":{"b":"c"}}`}
	members := []string{
		`"userAgent":%s`, `"recipientAccountId":%s`, `"unknown":%s`, `"eventCategory":%s`, `"requestParameters":{"a":1,"key":%s}`,
		`"additionalEventData":{"bytesTransferredOut":%s}`, `"userIdentity":{"type":"AWSAccount","accountId":%s}`,
		`"resources":[{"type":"AWS::S3::Bucket","ARN":%s}]`,
	}
	known := 0
	for range 600 {
		d := NewDecoder(nil)
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for range 3 {
			var events []json.RawMessage
			for range 10 {
				text := []byte(`{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","eventName":"GetObject"`)
				for _, member := range members[:3] {
					value := varying[random.IntN(len(varying))]
					if random.IntN(20) == 0 {
						value = others[random.IntN(len(others))]
					}
					text = fmt.Appendf(append(text, ','), member, value)
				}
				text = append(text, '}')
				if knownSize(d, text) > 0 {
					known++
				}
				events = append(events, text)
			}
			data := logOf(events...)
			compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
		}
	}
	if known < 1000 {
		t.Errorf("%d events are of a known shape, want more", known)
	}
}

func TestShapes_AreLearnedFromWhatIsNotTooMuch(t *testing.T) {
	event := func(members string) json.RawMessage {
		return fmt.Appendf(nil, `{"eventSource":"s3.amazonaws.com"%s}`, members)
	}
	names := func(n int) (others []json.RawMessage) {
		for i := range n {
			others = append(others, event(fmt.Sprintf(`,"%d":""`, i)))
		}
		return others
	}
	rest := maxShape - len(event(`,"a":[0]`))
	for _, c := range []struct {
		name  string
		after []json.RawMessage
		event json.RawMessage
		known bool
	}{
		{"a long event", nil, event(`,"a":[0` + strings.Repeat(" ", rest) + `]`), true},
		{"a longer one", nil, event(`,"a":[0` + strings.Repeat(" ", rest+1) + `]`), false},
		{"one of many values", nil, event(strings.Repeat(`,"a":""`, jsonscan.MaxPassed-1)), true},
		{"one of more values", nil, event(strings.Repeat(`,"a":""`, jsonscan.MaxPassed)), false},
		{"one of many resources", nil, event(`,"resources":[{}` + strings.Repeat(`,{}`, jsonscan.MaxPassed/2-2) + `]`), true},
		{"one of more resources", nil, event(`,"resources":[{}` + strings.Repeat(`,{}`, jsonscan.MaxPassed/2-1) + `]`), false},
		{"one of far more resources", nil, event(`,"resources":[{}` + strings.Repeat(`,{}`, jsonscan.MaxPassed) + `]`), false},
		{"one of many in the same place", names(maxOthers - 1), event(`,"b":""`), true},
		{"one of more in the same place", names(maxOthers), event(`,"b":""`), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := taught(t, append(c.after, c.event)...)
			if size := knownSize(d, c.event); c.known != (size == len(c.event)) {
				t.Errorf("%d bytes of %d are known", size, len(c.event))
			}
			if len(d.scanner.Passed) > jsonscan.MaxPassed {
				t.Errorf("%d values are kept", len(d.scanner.Passed))
			}
		})
	}
}

func TestShapes_AreBounded(t *testing.T) {
	ordinary := ordinaryEvents(t, rand.New(rand.NewPCG(11, 12)))[0]
	const perLog = 4096
	for _, flood := range []struct {
		name    string
		members func(n int) string // of the event n
	}{
		{"in one place", func(n int) string { return fmt.Sprintf(`"%d":""`, n) }},
		{"in many places", func(n int) string { return fmt.Sprintf(`"%x":"","%x":"","%x":""`, n>>8, n>>4&15, n&15) }},
	} {
		t.Run(flood.name, func(t *testing.T) {
			d, n := NewDecoder(nil), 0
			for d.scanner.shapes.size < maxShapes {
				if n > maxShapes {
					t.Fatalf("there is never room for other shapes: %d bytes", d.scanner.shapes.size)
				}
				var events []json.RawMessage
				for range perLog {
					events = append(events, fmt.Appendf(nil,
						`{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","eventName":"GetObject",%s}`, flood.members(n)))
					n++
				}
				if got := decode(d, bytes.NewReader(logOf(events...))); len(got.records) != len(events) {
					t.Fatal(len(got.records), got.err)
				}
				if size := d.scanner.shapes.size; size > maxShapes+2*maxShape {
					t.Fatalf("shapes have %d bytes", size)
				}
			}
			for range 2 {
				decode(d, bytes.NewReader(logOf(ordinary)))
			}
			if knownSize(d, ordinary) == 0 {
				t.Error("after many shapes, an ordinary one is not learned any more")
			}
		})
	}
}

// An event with a member twice, of which the last one counts, begins like another one.
func TestShapes_DoNotTakeOneMemberForAnotherOfItsName(t *testing.T) {
	const begin = `{"eventVersion":"1.11","eventTime":"2026-03-04T05:06:07Z","eventSource":"s3.amazonaws.com",` +
		`"additionalEventData":{"SignatureVersion":"SigV2","AuthenticationMethod":"AuthHeader"},"eventName":"GetObject"`
	for _, twice := range []string{`"eventSource":"s3.amazonaws.com"`, `"eventVersion":"1.08"`, `"additionalEventData":{"SignatureVersion":"SigV4"}`, `"additionalEventData":null`} {
		data := logOf([]byte(begin+","+twice+"}"), []byte(begin+"}"), []byte(begin+","+twice+"}"), []byte(begin+"}"))
		compare(t, data, decode(NewDecoder(nil), bytes.NewReader(data)), reference(data))
	}
}
