package collector

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestLoad_NamesWhatItRefuses(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	commit(t, c, store, request(sigV2))
	var key, histogramKey string
	for stored := range store.committed {
		if strings.Contains(stored, requestsTotal) {
			key = stored
		}
		if strings.Contains(stored, "duration") {
			histogramKey = stored
		}
	}
	value := string(store.committed[key])
	bucket := func(index int32) string {
		s := state{duration: &histogram{native: []uint64{1}, first: index}}
		return string(s.append(nil, KindHistogram))
	}
	unknown := strings.Replace(key, "s3_access", "s4_access", 1)
	relabelled := []byte(key)
	relabelled[1+len(requestsTotal)] ^= 1
	for _, test := range []struct {
		name, key, value string
		want             error
		family           string
	}{
		{"unknown family", unknown, value, ErrUnknownFamily, "s4_access_requests_total"},
		{"other labels", string(relabelled), value, ErrOtherLabels, requestsTotal},
		{"no key", "", value, ErrCorrupt, ""},
		{"name beyond the key's end", "\x7fs3", value, ErrCorrupt, ""},
		{"key cut off", key[:len(key)-1], value, ErrCorrupt, requestsTotal},
		{"key with more", key + "x", value, ErrCorrupt, requestsTotal},
		{"key with invalid UTF-8", strings.Replace(key, "GetObject", "Get\xffbject", 1), value, ErrCorrupt, requestsTotal},
		{"no value", key, "", ErrCorrupt, requestsTotal},
		{"format of the future", key, "\x03" + value[1:], ErrCorrupt, requestsTotal},
		{"value cut off", key, value[:len(value)-1], ErrCorrupt, requestsTotal},
		{"value with more", key, value + "x", ErrCorrupt, requestsTotal},
		{"a bucket of durations below 1 ms", histogramKey, bucket(-1 << 30), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket of impossible durations", histogramKey, bucket(1 << 30), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket that is cut off", histogramKey, strings.TrimSuffix(bucket(1<<30), "\x01"), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket that counted nothing", histogramKey, strings.TrimSuffix(bucket(0), "\x01") + "\x00", ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a counter's value for a histogram", histogramKey, value, ErrCorrupt, "s3_access_request_duration_seconds"},
	} {
		c := newCollector(t, Config{})
		err := c.Load([]byte(test.key), []byte(test.value))
		var stored *StoredError
		if !errors.Is(err, test.want) || !errors.As(err, &stored) || stored.Family != test.family {
			t.Errorf("%s: got %v, want %v of %q", test.name, err, test.want, test.family)
		}
		if held(c) != 0 {
			t.Errorf("%s: a series was loaded", test.name)
		}
	}
}

// Format 1 has no time of an exemplar: there was none later than the last increment.
func TestLoad_ReadsCountersOfFormat1(t *testing.T) {
	store := newMemStore()
	commit(t, newCollector(t, Config{}), store, request())
	for key, value := range store.committed {
		if strings.Contains(key, requestsTotal) {
			store.committed[key] = append([]byte{1}, value[1:len(value)-len(binary.AppendVarint(nil, request().Time))]...)
		}
	}
	c := store.load(t, Config{})
	commit(t, c, store, request())
	counter := only(t, c, requestsTotal).GetCounter()
	if counter.GetValue() != 2 || counter.GetExemplar() != nil {
		t.Errorf("%v, want 2 requests and no exemplar", counter)
	}
}

func TestStage_KeysFitTheStore(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	long := []byte(strings.Repeat("a", 100_000))
	commit(t, c, store, request(sigV2, func(r *record.Record) {
		r.Bucket, r.Requester, r.Region, r.Operation = long, long, long, long
		r.UserAgent, r.SourceIP, r.AccountID, r.Host = long, long, long, long
	}))
	for key := range store.committed {
		if len(key) >= 32<<10 {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	if got := sum(t, store.load(t, Config{}), requestsTotal); got != 1 {
		t.Errorf("%v requests, want 1", got)
	}
}

// Whatever bytes are stored, Load refuses them or takes a series that can be
// shown, counted in and stored again.
func FuzzLoad(f *testing.F) {
	c, store := newCollector(f, Config{}), newMemStore()
	commit(f, c, store, mixed()...)
	for key, value := range store.committed {
		f.Add([]byte(key), value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c := newCollector(t, Config{})
		if err := c.Load(key, value); err != nil {
			return
		}
		for _, family := range c.series {
			for _, s := range family {
				again, err := decodeState(s.state.append(nil, s.schema.kind), s.schema, []byte(s.key))
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(again, s.state) {
					t.Errorf("stored again it is %+v, was %+v", again, s.state)
				}
			}
		}
		shown, _, _ := c.snapshot()
		for _, part := range shown {
			for i := range part {
				if err := part[i].Write(&dto.Metric{}); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
