package accesslogjson

import (
	"strings"
	"testing"
)

// Whatever is changed in a record that is written as usual, it is read as encoding/json
// reads it, whichever way is taken.
func TestDecoder_ReadsDamagedRecordsAsEncodingJSONDoes(t *testing.T) {
	var b strings.Builder
	for _, at := range documented() {
		value := `"text-` + names[at].Text + `"`
		switch kinds[at] {
		case aCount:
			value = "200"
		case anAnswer:
			value = "true"
		}
		if at == requestTime {
			value = `"2026-07-02T08:15:27Z"`
		}
		b.WriteString(`,"` + names[at].Text + `":` + value)
	}
	record := "{" + b.String()[1:] + "}"
	d := NewDecoder(nil)
	check := func(damaged string) {
		compare(t, []byte(damaged), decode(d, strings.NewReader(damaged)), reference([]byte(damaged)))
	}
	check(record)
	if padded := append([]byte(record), make([]byte, 64)...); d.readUsual(padded) != len(record) {
		t.Fatal("the record is not written as usual")
	}
	for i := range len(record) {
		check(record[:i])
		for _, n := range []int{1, 2, 3, 4} {
			check(record[:i] + record[min(i+n, len(record)):])
		}
		for _, c := range []byte("\x00 ,:\"{}[]-+.0e1nt\\\xff") {
			check(record[:i] + string([]byte{c}) + record[i+1:])
			check(record[:i] + string([]byte{c}) + record[i:])
		}
	}
}
