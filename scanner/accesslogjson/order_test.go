package accesslogjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// writer writes objects as somebody might who is not AWS.
type writer struct {
	*rand.Rand
	shuffled [members]int
	omitted  int // of 1000 members
	spaces   int // of 1000 members have white space before them
	repeated int // of 1000 members stand there twice
	others   int // of 1000 members have an unknown one before them
}

func newWriter(random *rand.Rand) *writer {
	w := &writer{Rand: random}
	for at := range w.shuffled {
		w.shuffled[at] = at
	}
	often := func() int { return []int{0, 0, 0, 1, 30, 300}[random.IntN(6)] }
	w.omitted, w.spaces, w.repeated, w.others = often(), often()/10, often()/10, often()/10
	return w
}

func (w *writer) shuffle(swaps int) {
	for range swaps {
		a, b := w.IntN(members), w.IntN(members)
		w.shuffled[a], w.shuffled[b] = w.shuffled[b], w.shuffled[a]
	}
}

// rewrite writes the members of an object in the order of the writer.
func (w *writer) rewrite(object map[string]json.RawMessage) []byte {
	var out []byte
	separator := byte('{')
	write := func(name string, value []byte) {
		out = append(out, separator)
		if w.IntN(1000) < w.spaces {
			out = append(out, " \n"...)
		}
		out = fmt.Appendf(out, "%q:%s", name, value)
		separator = ','
	}
	for _, at := range w.shuffled {
		value, there := object[names[at].Text]
		if !there || w.IntN(1000) < w.omitted {
			continue
		}
		if w.IntN(1000) < w.others {
			write("other", []byte(`{"bucket_name":[1,"x"]}`))
		}
		write(names[at].Text, value)
		if w.IntN(1000) < w.repeated {
			write(names[at].Text, []byte([]string{`null`, `7`, `"-"`, `"again"`}[w.IntN(4)]))
		}
	}
	if separator == '{' {
		out = append(out, separator)
	}
	return append(out, '}')
}

// Whatever the order is in which members are written, and however it changes from one
// object to the next, nothing of one record is in another.
func TestDecoder_ReadsMembersInAnyOrder(t *testing.T) {
	var objects []map[string]json.RawMessage
	for _, raw := range allTraps(t) {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) == nil {
			objects = append(objects, object)
		}
	}
	d := NewDecoder(nil)
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		w := newWriter(random)
		w.shuffle(random.IntN(10) * random.IntN(10))
		again := []int{0, 1, 30, 1000}[random.IntN(4)]
		var log []byte
		for range 30 {
			if random.IntN(1000) < again {
				w.shuffle(random.IntN(3))
			}
			log = append(append(log, w.rewrite(objects[random.IntN(len(objects))])...), '\n')
		}
		want := reference(log)
		compare(t, log, decode(d, bytes.NewReader(log)), want)
		compare(t, log, decode(d, iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(log)))), want)
	}
}

// The order of an odd log costs the next one nothing: it is found again with the first
// record.
func TestDecoder_LearnsTheOrderOfMembers(t *testing.T) {
	w := newWriter(rand.New(rand.NewPCG(1, 2)))
	w.omitted, w.spaces, w.repeated, w.others = 0, 0, 0, 0
	w.shuffle(100)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(allTraps(t)[0], &object); err != nil {
		t.Fatal(err)
	}
	object["bucket_name"], object["request_time"] = json.RawMessage(`"b"`), json.RawMessage(`"2026-07-02T08:15:27Z"`)
	raw := w.rewrite(object)
	padded := append(raw, make([]byte, 64)...)
	d := NewDecoder(nil)
	if size := d.readUsual(padded); size != 0 {
		t.Fatalf("%d bytes of an object in an order never seen", size)
	}
	if got := decode(d, bytes.NewReader(raw)); len(got.records) != 1 {
		t.Fatal(got)
	}
	if size := d.readUsual(padded); size != len(raw) {
		t.Fatalf("%d bytes of %d of an object in an order seen before", size, len(raw))
	}
}
