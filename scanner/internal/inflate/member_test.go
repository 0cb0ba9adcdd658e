package inflate

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
)

// headerOf returns the header of a member with these flags, and what they ask for.
func headerOf(flags byte) []byte {
	return headerWith(flags, "AB\x01\x00\x00", "na\xefve.json", "comment")
}

func headerWith(flags byte, extra, name, comment string) []byte {
	b := []byte{0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 5, 6}
	if flags&flagExtra != 0 {
		b = append(b, byte(len(extra)), byte(len(extra)>>8))
		b = append(b, extra...)
	}
	if flags&flagName != 0 {
		b = append(b, name+"\x00"...)
	}
	if flags&flagComment != 0 {
		b = append(b, comment+"\x00"...)
	}
	if flags&flagHeaderCRC != 0 {
		sum := crc32.ChecksumIEEE(b)
		b = append(b, byte(sum), byte(sum>>8))
	}
	return b
}

// behind returns a member that begins with this header.
func behind(header []byte) []byte {
	var d deflater
	d.stored(true, []byte("text"))
	return slices.Concat(header, d.member()[10:])
}

func TestReader_SkipsEveryFieldOfAHeader(t *testing.T) {
	var j jury
	for flags := range 1 << 5 {
		one := behind(headerOf(byte(flags)))
		if got, want := j.judge(t, slices.Concat(one, one)), (verdict{"texttext", io.EOF}); got != want {
			t.Errorf("flags %05b: comes %s, want %s", flags, got, want)
		}
	}
}

func TestReader_JudgesHeaders(t *testing.T) {
	good := behind(headerOf(0))
	with := func(i int, c byte) []byte {
		data := bytes.Clone(good)
		data[i] = c
		return data
	}
	badSum := headerOf(flagHeaderCRC)
	badSum[len(badSum)-1]++
	long := strings.Repeat("x", 511)
	var j jury
	for name, c := range map[string]struct {
		data []byte
		want verdict
	}{
		"nothing":                   {nil, verdict{"", io.EOF}},
		"no ID1":                    {with(0, 0), verdict{"", gzip.ErrHeader}},
		"no ID2":                    {with(1, 0), verdict{"", gzip.ErrHeader}},
		"another method":            {with(2, 7), verdict{"", gzip.ErrHeader}},
		"reserved flag":             {with(3, 1<<5), verdict{"", gzip.ErrHeader}},
		"reserved flags":            {with(3, 7<<5), verdict{"", gzip.ErrHeader}},
		"short garbage":             {[]byte("garbage"), verdict{"", io.ErrUnexpectedEOF}},
		"long garbage":              {[]byte("long garbage"), verdict{"", gzip.ErrHeader}},
		"wrong sum of the header":   {behind(badSum), verdict{"", gzip.ErrHeader}},
		"longest extra field":       {behind(headerWith(flagExtra, strings.Repeat("x", 65535), "", "")), verdict{"text", io.EOF}},
		"longest name and comment":  {behind(headerWith(flagName|flagComment, "", long, long)), verdict{"text", io.EOF}},
		"name that is too long":     {behind(headerWith(flagName, "", long+"x", "")), verdict{"", gzip.ErrHeader}},
		"comment that is too long":  {behind(headerWith(flagComment, "", "", long+"x")), verdict{"", gzip.ErrHeader}},
		"zeros behind a member":     {slices.Concat(good, make([]byte, 512)), verdict{"text", gzip.ErrHeader}},
		"a zero behind a member":    {slices.Concat(good, []byte{0}), verdict{"text", io.ErrUnexpectedEOF}},
		"garbage behind a member":   {slices.Concat(good, []byte("long garbage")), verdict{"text", gzip.ErrHeader}},
		"a member cut in its name":  {slices.Concat(good, headerOf(flagName)[:15]), verdict{"text", io.ErrUnexpectedEOF}},
		"a first one cut like this": {headerOf(flagName)[:15], verdict{"", io.ErrUnexpectedEOF}},
	} {
		if got := j.judge(t, c.data); got != c.want {
			t.Errorf("%s: comes %s, want %s", name, got, c.want)
		}
	}
}

func TestReader_ChecksSumAndSize(t *testing.T) {
	var j jury
	good := gzipped(t, 6, []byte("text, text, text"))
	for i := range 8 {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[len(bad)-1-i] ^= 1 << bit
			want := verdict{"text, text, text", gzip.ErrChecksum}
			if got := j.judge(t, slices.Concat(bad, good)); got != want {
				t.Errorf("bit %d of byte %d from the end: comes %s, want %s", bit, i, got, want)
			}
		}
	}
}

// ISIZE is the size modulo 1<<32, and decompressing so much would take too long here.
func TestReader_TakesSizesModulo4GiB(t *testing.T) {
	var z Reader
	data := gzipped(t, 6, []byte("text"))
	const before = 1<<32 - 1
	data[len(data)-4] = (before + 4) & 0xff
	if err := z.Reset(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	z.out.size = before
	if plain, err := io.ReadAll(&z); err != nil || string(plain) != "text" {
		t.Errorf("comes %q and %v", plain, err)
	}
}
