package record

// Weight is how many requests a Record stands for, and what they add up to. Whoever
// reads logs by itself delivers every request with a Weight of 1; whoever lets a query
// engine count delivers one Record for many requests that are alike.
type Weight struct {
	Requests int64 // 1 or more
	// SentBytes and ReceivedBytes are sums, each over the requests whose log holds the
	// number; Unknown if none does.
	SentBytes, ReceivedBytes int64
	// First and Last are the times of the first and the last request, in seconds since
	// 1970-01-01 UTC.
	First, Last int64
}

// Weight returns the Weight of the one request that r is.
func (r *Record) Weight() Weight {
	return Weight{Requests: 1, SentBytes: r.SentBytes, ReceivedBytes: r.ReceivedBytes, First: r.Time, Last: r.Time}
}
