package collector

import (
	"runtime"
	"testing"
)

// What was learned is not learned anew behind every garbage collection, and no more of it
// is kept than there are cores.
func TestFreeList_KeepsOneForEachCore(t *testing.T) {
	made := 0
	list := freeList[int]{make: func() *int { made++; return new(int) }}
	cores := runtime.GOMAXPROCS(0)
	var taken []*int
	for range cores + 1 {
		taken = append(taken, list.get())
	}
	for _, used := range taken {
		list.put(used)
	}
	for range 3 {
		runtime.GC()
	}
	again := make(map[*int]bool)
	for range cores {
		again[list.get()] = true
	}
	if made != cores+1 || len(again) != cores {
		t.Errorf("%d were made, %d were kept; want %d and %d", made, len(again), cores+1, cores)
	}
	if list.get(); made != cores+2 {
		t.Errorf("%d were made, want %d: one more was kept", made, cores+2)
	}
}
