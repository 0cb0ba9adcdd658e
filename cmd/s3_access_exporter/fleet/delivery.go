package fleet

import "time"

// Where the logs lie in the log bucket.
const (
	trailPrefix = "cloudtrail/AWSLogs/o-exampleorg/"
	trailName   = "example-trail"
	stampFormat = "2006-01-02-15-04-05"
	dayFolders  = "2006/01/02/"
)

// stream is one log on its way: the server access log of a bucket, or the part
// of a trail that holds an account's buckets in a Region.
type stream struct {
	layout        layout
	bucket        *bucket // any bucket of the account and Region if the layout is a trail's
	period, phase int64   // seconds: when it is delivered
	waiting       []call
}

// streams returns all logs, each without a call.
func streams() []*stream {
	const accessLogPeriod, trailPeriod = 3, 5
	var all []*stream
	trailed := map[[2]string]bool{}
	for i, b := range buckets {
		all = append(all, &stream{layout: b.layout, bucket: b, period: accessLogPeriod, phase: int64(i)})
		if owner := [2]string{b.account, b.region}; !trailed[owner] {
			trailed[owner] = true
			all = append(all, &stream{layout: organisationLog, bucket: b, period: trailPeriod, phase: int64(i)})
		}
	}
	return all
}

func (s *stream) isDue(now time.Time) bool { return now.Unix()%s.period == s.phase%s.period }

// note puts down those of the calls that stand in this log.
func (s *stream) note(calls []call) {
	for _, c := range calls {
		if s.holds(&c) {
			s.waiting = append(s.waiting, c)
		}
	}
}

// holds reports whether the call stands in this log. CloudTrail has no requests
// whose credentials were refused and no work of S3's own; see
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/logging-with-S3.html.
// Requests of origin access identities are left out of it here, for AWS shows
// no such event.
func (s *stream) holds(c *call) bool {
	if s.layout != organisationLog {
		return c.bucket == s.bucket && c.logged != ""
	}
	return c.bucket.account == s.bucket.account && c.bucket.region == s.bucket.region &&
		c.trailed && c.actor.identity.kind != refused && c.actor.identity.kind != originUser
}

// flush delivers what waits in a log, in objects whose keys have the time.
func (f *Fleet) flush(s *stream, now time.Time, late bool) {
	rest := s.waiting
	for len(rest) > 0 {
		var portion []call
		portion, rest = s.cut(rest, f.config.ObjectRequests)
		object := Object{Key: s.key(portion[0].received, now) + f.token(16, requestIDs), Late: late && s.layout != byEvent}
		switch s.layout {
		case organisationLog:
			object.Key += ".json.gz"
			object.Body = f.trail(portion)
		case inJSON:
			object.Key += ".gz"
			object.Body = f.accessJSON(s, portion)
		default:
			object.Body = f.accessLog(s, portion)
		}
		f.objects = append(f.objects, object)
	}
	s.waiting = s.waiting[:0]
}

// cut returns the calls for the next object, not more than limit: those of one
// day if the log is partitioned by it.
func (s *stream) cut(calls []call, limit int) (portion, rest []call) {
	calls = calls[:len(calls):len(calls)]
	n := min(len(calls), limit)
	if s.layout == byEvent {
		day := calls[0].received.YearDay()
		for i := range n {
			if calls[i].received.YearDay() != day {
				n = i
				break
			}
		}
	}
	return calls[:n], calls[n:]
}

// key returns the key of an object up to its unique part.
// How AWS names objects with records in JSON is not documented.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html and
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html.
func (s *stream) key(event, delivery time.Time) string {
	b := s.bucket
	folder := b.prefix + b.account + "/" + b.region + "/" + b.name + "/"
	switch s.layout {
	case byDelivery:
		return folder + delivery.Format(dayFolders+stampFormat) + "-"
	case byEvent:
		return folder + event.Truncate(24*time.Hour).Format(dayFolders+stampFormat) + "-"
	case organisationLog:
		return trailPrefix + b.account + "/CloudTrail/" + b.region + "/" + delivery.Format(dayFolders) +
			b.account + "_CloudTrail_" + b.region + "_" + delivery.Format("20060102T1504Z") + "_"
	case inJSON:
		return b.prefix + "AWSLogs/" + b.account + "/s3/" + b.region + "/" + delivery.Format(dayFolders+"15/")
	}
	return b.prefix + delivery.Format(stampFormat) + "-"
}

// deliverOthers delivers, every so often, what else lies beside logs: a digest
// of a trail's objects, and an inventory's manifest.
func (f *Fleet) deliverOthers(now time.Time) {
	const digestPeriod, manifestPeriod = 20, 30
	if now.Unix()%digestPeriod == 0 {
		f.objects = append(f.objects, Object{
			Key: trailPrefix + shop + "/CloudTrail-Digest/" + assets.region + "/" + now.Format(dayFolders) + shop +
				"_CloudTrail-Digest_" + assets.region + "_" + trailName + "_" + assets.region + "_" + now.Format("20060102T150405Z") + ".json.gz",
			Body: f.compress([]byte(`{"awsAccountId":"` + shop + `","digestS3Bucket":"example-logs","logFiles":[]}`)),
		})
	}
	if now.Unix()%manifestPeriod == 0 {
		f.objects = append(f.objects, Object{
			Key:  "inventory/" + lake.name + "/daily/" + now.Format("2006-01-02T15-04-05Z") + "/manifest.json",
			Body: []byte(`{"sourceBucket":"` + lake.name + `","version":"2016-11-30","files":[]}`),
		})
	}
}
