package collector

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func TestCollector_GatheredIsWhatARegistryGathers(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		c := newCollector(t, Config{SeriesLimit: 1 + rng.IntN(100)})
		commit(t, c, newMemStore(), append(mixed(), randomRecords(rng, 300)...)...)
		registry := prometheus.NewRegistry()
		if err := registry.Register(c); err != nil {
			t.Fatal(err)
		}
		all, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var ofRequests []*dto.MetricFamily
		for _, family := range all {
			if name := family.GetName(); name != seriesName && name != overflowName && name != limitName {
				ofRequests = append(ofRequests, family)
			}
		}
		var gathered []*dto.MetricFamily
		for family := range c.Gathered() {
			gathered = append(gathered, family)
		}
		for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeProtoText} {
			got, want := written(t, gathered, format), written(t, ofRequests, format)
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d: gathered are\n%s\na Registry gathers\n%s", seed, got, want)
			}
		}
	}
}

func written(t *testing.T, families []*dto.MetricFamily, format expfmt.FormatType) []byte {
	t.Helper()
	var text bytes.Buffer
	out := expfmt.NewEncoder(&text, expfmt.NewFormat(format))
	for _, family := range families {
		if err := out.Encode(family); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}
