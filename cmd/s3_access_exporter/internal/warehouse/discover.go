package warehouse

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Place is where log objects lie that can lie in no table.
type Place struct {
	Name   string        // what their full names begin with
	Layout logkey.Layout // as their keys show it
}

// Tables returns the tables that a location needs, by what lies there, and the places
// that can be in none. It lists the location once, and passes over each run of log objects
// as soon as it has one of them.
func Tables(ctx context.Context, l source.Location) (tables []Table, flat []Place, err error) {
	var mu sync.Mutex // guards tables and flat
	look := func(k logkey.Key) bool {
		mu.Lock()
		defer mu.Unlock()
		t, _, ok := tableOf(l.Name, k)
		switch place := (Place{query.LogObject(l.Name, k.Stream.Prefix), k.Stream.Layout}); {
		case ok && !slices.Contains(tables, t):
			tables = append(tables, t)
		case !ok && !slices.Contains(flat, place):
			flat = append(flat, place)
		}
		return false
	}
	if _, err := once.List(ctx, once.Config{Locations: []source.Location{l}}, once.Query{Wanted: look}, func(once.Listed) {}); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(tables, func(a, b Table) int { return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Root, b.Root)) })
	slices.SortFunc(flat, func(a, b Place) int { return cmp.Compare(a.Name, b.Name) })
	return tables, flat, nil
}
