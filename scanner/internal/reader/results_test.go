package reader

import (
	"testing"
	"testing/synctest"
)

// A reader waits as long as what was read and not taken is as much as a commit
// takes, by number or by weight, and no longer.
func TestResults_AreAheadByACommitAtMost(t *testing.T) {
	tests := map[string]struct {
		weight int // of each
		want   int // that are ahead
	}{
		"many that hold nothing":           {0, MaxWaiting},
		"some":                             {MaxWeight / 10, 10},
		"one as large as a commit":         {MaxWeight, 1},
		"one that is larger than a commit": {3 * MaxWeight, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const total = 2 * MaxWaiting
				queue, put := newResults[struct{}](new(Config)), 0
				go func() {
					for range total {
						r := new(Result[struct{}])
						r.Weight = test.weight
						queue.put(r)
						put++
					}
				}()
				for taken := range total {
					synctest.Wait()
					if want := min(taken+test.want, total); put != want {
						t.Fatalf("%d results were put when %d were taken, want %d", put, taken, want)
					}
					queue.Taken(<-queue.ahead)
				}
			})
		})
	}
}
