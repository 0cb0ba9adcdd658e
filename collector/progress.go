package collector

import "time"

// ahead is how far the time of a request may lie ahead of the clock: a later one is
// somebody's mistake.
const ahead = time.Hour

// progress is how far the log has come, by which series expire. It is the time of the
// newest request that was counted, but no more than the process has run since the newest
// increment that it has loaded. So neither a clock that jumps nor a time in which the
// exporter was down lets series expire: they would fall when what has come meanwhile is
// counted.
type progress struct {
	begun   int64     // Unix seconds: the newest increment that was loaded, or else the start
	started time.Time // of the process
	loaded  bool
	newest  int64 // Unix seconds: the newest request that was counted
}

// load takes the time of the last increment of a stored series.
func (p *progress) load(last int64) {
	if !p.loaded || last > p.begun {
		p.loaded, p.begun = true, last
	}
}

// at returns the progress in Unix seconds, given the time of the newest request.
func (p *progress) at(now time.Time, newest int64) int64 {
	run := int64(now.Sub(p.started) / time.Second)
	return max(p.begun, min(newest, p.begun+run))
}

// counting returns the newest request's time when tallies are counted.
func (p *progress) counting(tallies []*Tally, now time.Time) int64 {
	newest, most := p.newest, now.Add(ahead).Unix()
	for _, t := range tallies {
		if t.newest <= most {
			newest = max(newest, t.newest)
		}
	}
	return newest
}
