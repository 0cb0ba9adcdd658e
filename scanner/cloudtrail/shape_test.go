package cloudtrail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
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

func TestShapes_KnowAnEventByWhatDoesNotVary(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	events := ordinaryEvents(t, random)
	d := taught(t, events...)
	for _, e := range events {
		if !bytes.Contains(e, []byte(`"s3.amazonaws.com"`)) {
			continue
		}
		other := individual(random, e)
		var found event
		padded := append(slices.Clone(other), make([]byte, padding)...)
		if size, _ := d.scanner.shapes.match(padded, &found); size != len(other) {
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

// Events whose values vary in every way that JSON has, in logs that teach each other's
// shapes.
func TestShapes_AgreeWithTheReferenceOnValuesOfAnyType(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	values := []string{
		`"a"`, `"another"`, `""`, `"caf\u00e9 \"\\"`, `0`, `7`, `1200`, `-3`, `0.5`, `1e3`, `null`, `true`, `[]`, `["a",1]`, `{}`, `{"a":{"b":"c"}}`,
	}
	d := NewDecoder(nil)
	for range 300 {
		var events []json.RawMessage
		for range 20 {
			var event bytes.Buffer
			event.WriteString(`{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","eventName":"GetObject"`)
			for _, name := range []string{
				`"userAgent"`, `"recipientAccountId"`, `"unknown"`, `"requestParameters":{"a":1,"key"`, `"additionalEventData":{"bytesTransferredOut"`,
				`"userIdentity":{"type":"AWSAccount","accountId"`, `"resources":[{"type":"AWS::S3::Bucket","ARN"`,
			} {
				if random.IntN(4) == 0 {
					continue
				}
				fmt.Fprintf(&event, `,%s:%s`, name, values[random.IntN(len(values))])
				switch {
				case bytes.ContainsRune([]byte(name), '['):
					event.WriteString(`}]`)
				case bytes.ContainsRune([]byte(name), '{'):
					event.WriteString(`}`)
				}
			}
			event.WriteString(`}`)
			events = append(events, event.Bytes())
		}
		data := logOf(events...)
		compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
		compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
	}
}

func TestShapes_AreBounded(t *testing.T) {
	d := NewDecoder(nil)
	for log := range 200 {
		var events []json.RawMessage
		for i := range 500 {
			events = append(events, fmt.Appendf(nil,
				`{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","eventName":"GetObject","member%d":"","member%d":""}`, log, i))
		}
		data := logOf(events...)
		if got := decode(d, bytes.NewReader(data)); len(got.records) != len(events) {
			t.Fatal(len(got.records), got.err)
		}
		if size := d.scanner.shapes.size; size > maxShapes+2*maxShape {
			t.Fatalf("shapes have %d bytes", size)
		}
	}
}
