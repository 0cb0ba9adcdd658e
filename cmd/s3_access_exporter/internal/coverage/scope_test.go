package coverage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

func photos() *Bucket {
	return &Bucket{Partition: "aws", AccountID: "111122223333", Region: "eu-west-1", Name: "example-photos"}
}

func basic(readWrite types.ReadWriteType, values ...string) Selectors {
	return Selectors{Basic: []types.EventSelector{{
		ReadWriteType: readWrite,
		DataResources: []types.DataResource{{Type: aws.String("AWS::S3::Object"), Values: values}},
	}}}
}

// advanced returns a selector of data events of objects with more fields.
func advanced(fields ...types.AdvancedFieldSelector) Selectors {
	all := append([]types.AdvancedFieldSelector{
		{Field: aws.String("eventCategory"), Equals: []string{"Data"}},
		{Field: aws.String("resources.type"), Equals: []string{"AWS::S3::Object"}},
	}, fields...)
	return Selectors{Advanced: []types.AdvancedEventSelector{{FieldSelectors: all}}}
}

func field(name string, edit func(*types.AdvancedFieldSelector)) types.AdvancedFieldSelector {
	f := types.AdvancedFieldSelector{Field: aws.String(name)}
	edit(&f)
	return f
}

func equals(name string, values ...string) types.AdvancedFieldSelector {
	return types.AdvancedFieldSelector{Field: aws.String(name), Equals: values}
}

func startsWith(values ...string) types.AdvancedFieldSelector {
	return types.AdvancedFieldSelector{Field: aws.String("resources.ARN"), StartsWith: values}
}

func TestScope_OfEverySelector(t *testing.T) {
	const bucket = "arn:aws:s3:::example-photos"
	tests := map[string]struct {
		selectors Selectors
		want      Scope
	}{
		"none":                       {Selectors{}, ScopeNone},
		"management events alone":    {Selectors{Basic: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeAll}}}, ScopeNone},
		"basic, all buckets":         {basic(types.ReadWriteTypeAll, "arn:aws:s3"), ScopeAll},
		"basic, all with colons":     {basic(types.ReadWriteTypeAll, "arn:aws:s3:::"), ScopeAll},
		"basic, the bucket":          {basic(types.ReadWriteTypeAll, bucket+"/"), ScopeAll},
		"basic, reads of the bucket": {basic(types.ReadWriteTypeReadOnly, bucket+"/"), ScopeReads},
		"basic, writes":              {basic(types.ReadWriteTypeWriteOnly, "arn:aws:s3"), ScopeWrites},
		"basic, a prefix":            {basic(types.ReadWriteTypeAll, bucket+"/private/"), ScopePart},
		"basic, without a slash":     {basic(types.ReadWriteTypeAll, bucket), ScopePart},
		"basic, another bucket":      {basic(types.ReadWriteTypeAll, "arn:aws:s3:::example-photos-2/"), ScopeNone},
		"basic, another partition":   {basic(types.ReadWriteTypeAll, "arn:aws-cn:s3"), ScopeNone},
		"advanced, all":              {advanced(), ScopeAll},
		"advanced, reads":            {advanced(equals("readOnly", "true")), ScopeReads},
		"advanced, writes":           {advanced(equals("readOnly", "false")), ScopeWrites},
		"advanced, the bucket":       {advanced(startsWith(bucket + "/")), ScopeAll},
		"advanced, a longer name":    {advanced(startsWith("arn:aws:s3:::example-photo")), ScopeAll},
		"advanced, other and this":   {advanced(startsWith("arn:aws:s3:::other/", bucket+"/")), ScopeAll},
		"advanced, a prefix":         {advanced(startsWith(bucket + "/private/")), ScopePart},
		"advanced, the bucket's ARN": {advanced(equals("resources.ARN", bucket)), ScopeNone},
		"advanced, one object":       {advanced(equals("resources.ARN", bucket+"/a")), ScopePart},
		"advanced, no log buckets":   {advanced(field("resources.ARN", func(f *types.AdvancedFieldSelector) { f.NotStartsWith = []string{"arn:aws:s3:::logs/"} })), ScopeAll},
		"advanced, all but it":       {advanced(field("resources.ARN", func(f *types.AdvancedFieldSelector) { f.NotStartsWith = []string{bucket + "/"} })), ScopeNone},
		"advanced, all but a prefix": {advanced(field("resources.ARN", func(f *types.AdvancedFieldSelector) { f.NotStartsWith = []string{bucket + "/tmp/"} })), ScopePart},
		"advanced, all but an end":   {advanced(field("resources.ARN", func(f *types.AdvancedFieldSelector) { f.NotEndsWith = []string{".tmp"} })), ScopePart},
		"advanced, event names":      {advanced(equals("eventName", "DeleteObject")), ScopePart},
		"advanced, not an event":     {advanced(field("eventName", func(f *types.AdvancedFieldSelector) { f.NotEquals = []string{"ListObjects"} })), ScopePart},
		"advanced, one identity":     {advanced(equals("userIdentity.arn", "arn:aws:iam::111122223333:role/app")), ScopePart},
		"advanced, no console":       {advanced(equals("sessionCredentialFromConsole", "false")), ScopePart},
		"advanced, a new field":      {advanced(equals("somethingNew", "x")), ScopePart},
		"advanced, other resources": {Selectors{Advanced: []types.AdvancedEventSelector{{FieldSelectors: []types.AdvancedFieldSelector{
			equals("eventCategory", "Data"), equals("resources.type", "AWS::S3Express::Object"),
		}}}}, ScopeNone},
		"advanced, management": {Selectors{Advanced: []types.AdvancedEventSelector{{FieldSelectors: []types.AdvancedFieldSelector{
			equals("eventCategory", "Management"),
		}}}}, ScopeNone},
		"advanced, reads and writes apart": {Selectors{Advanced: append(
			advanced(equals("readOnly", "true")).Advanced, advanced(equals("readOnly", "false")).Advanced...)}, ScopeAll},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.selectors.logged(photos()).scope(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestScope_OfSeveralTrails(t *testing.T) {
	trail := func(edit func(*Recorder)) Recorder {
		r := Recorder{AccountID: "111122223333", HomeRegion: "eu-west-1", Logging: true, Selectors: advanced()}
		edit(&r)
		return r
	}
	reads := trail(func(r *Recorder) { r.Selectors = advanced(equals("readOnly", "true")) })
	writes := trail(func(r *Recorder) { r.Selectors = advanced(equals("readOnly", "false")) })
	closed := trail(func(r *Recorder) { r.Unknown = "needs cloudtrail:GetEventSelectors" })
	tests := map[string]struct {
		trails []Recorder
		want   Scope
	}{
		"no trail":                    {nil, ScopeNone},
		"one":                         {[]Recorder{trail(func(*Recorder) {})}, ScopeAll},
		"that does not log":           {[]Recorder{trail(func(r *Recorder) { r.Logging = false })}, ScopeNone},
		"of another Region":           {[]Recorder{trail(func(r *Recorder) { r.HomeRegion = "us-east-1" })}, ScopeNone},
		"of all Regions":              {[]Recorder{trail(func(r *Recorder) { r.HomeRegion, r.MultiRegion = "us-east-1", true })}, ScopeAll},
		"of the organization":         {[]Recorder{trail(func(r *Recorder) { r.AccountID, r.Organization = "999988887777", true })}, ScopeAll},
		"of another account":          {[]Recorder{trail(func(r *Recorder) { r.AccountID = "999988887777" })}, ScopeNone},
		"two that make a whole":       {[]Recorder{reads, writes}, ScopeAll},
		"one that nobody may look at": {[]Recorder{closed}, ScopeUnknown},
		"reads and who knows":         {[]Recorder{closed, reads}, ScopeReads},
	}
	for name, test := range tests {
		if got := scopeOf(test.trails, photos()); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// event is a request as a selector sees it.
type event struct {
	arn, name string
	readOnly  bool
}

func (e *event) value(field string) string {
	switch field {
	case "eventCategory":
		return "Data"
	case "resources.type":
		return "AWS::S3::Object"
	case "eventSource":
		return "s3.amazonaws.com"
	case "readOnly":
		return fmt.Sprint(e.readOnly)
	case "resources.ARN":
		return e.arn
	case "eventName":
		return e.name
	}
	return "something"
}

// recorded is the slow and obvious reading of selectors.
func recorded(s *Selectors, e *event) bool {
	for _, selector := range s.Basic {
		if selector.ReadWriteType == types.ReadWriteTypeReadOnly && !e.readOnly ||
			selector.ReadWriteType == types.ReadWriteTypeWriteOnly && e.readOnly {
			continue
		}
		for _, resource := range selector.DataResources {
			for _, value := range resource.Values {
				if aws.ToString(resource.Type) == "AWS::S3::Object" && strings.HasPrefix(e.arn, value) {
					return true
				}
			}
		}
	}
	return slices.ContainsFunc(s.Advanced, func(selector types.AdvancedEventSelector) bool {
		return !slices.ContainsFunc(selector.FieldSelectors, func(f types.AdvancedFieldSelector) bool {
			value := e.value(aws.ToString(f.Field))
			is := func(want string) bool { return value == want }
			begins := func(want string) bool { return strings.HasPrefix(value, want) }
			ends := func(want string) bool { return strings.HasSuffix(value, want) }
			selects := len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0 ||
				slices.ContainsFunc(f.Equals, is) || slices.ContainsFunc(f.StartsWith, begins) || slices.ContainsFunc(f.EndsWith, ends)
			deselects := slices.ContainsFunc(f.NotEquals, is) || slices.ContainsFunc(f.NotStartsWith, begins) || slices.ContainsFunc(f.NotEndsWith, ends)
			return !selects || deselects
		})
	})
}

func randomSelectors(rng *rand.Rand) Selectors {
	arns := []string{
		"arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:::example", "arn:aws:s3:::example-photos", "arn:aws:s3:::example-photos/",
		"arn:aws:s3:::example-photos/a", "arn:aws:s3:::example-photos/a/b", "arn:aws:s3:::example-photos-2/", "arn:aws:s3:::other/",
	}
	some := func(of []string) []string {
		var chosen []string
		for range rng.IntN(3) {
			chosen = append(chosen, of[rng.IntN(len(of))])
		}
		return chosen
	}
	var s Selectors
	for range rng.IntN(3) {
		s.Basic = append(s.Basic, basic(types.ReadWriteType("").Values()[rng.IntN(3)], some(arns)...).Basic...)
	}
	for range rng.IntN(3) {
		var fields []types.AdvancedFieldSelector
		for range rng.IntN(3) {
			name := []string{"resources.ARN", "readOnly", "eventName", "eventSource", "vpcEndpointId"}[rng.IntN(5)]
			values := map[string][]string{
				"resources.ARN": append(arns, "b", ".tmp"), "readOnly": {"true", "false"}, "eventName": {"GetObject", "Put"},
				"eventSource": {"s3.amazonaws.com", "s3"}, "vpcEndpointId": {"something", "else"},
			}[name]
			fields = append(fields, field(name, func(f *types.AdvancedFieldSelector) {
				for _, operator := range []*[]string{&f.Equals, &f.StartsWith, &f.EndsWith, &f.NotEquals, &f.NotStartsWith, &f.NotEndsWith} {
					if rng.IntN(3) == 0 {
						*operator = some(values)
					}
				}
			}))
		}
		s.Advanced = append(s.Advanced, advanced(fields...).Advanced...)
	}
	return s
}

// What a scope promises holds for every request: all means that each is recorded,
// none that none is, reads and writes the first for their half.
func TestScope_KeepsItsPromiseForEveryRequest(t *testing.T) {
	var events []event
	for _, key := range []string{"a", "a/b", "a/b.tmp", "b", "c/d"} {
		for _, name := range []string{"GetObject", "PutObject", "DeleteObject", "HeadObject"} {
			for _, readOnly := range []bool{true, false} {
				events = append(events, event{"arn:aws:s3:::example-photos/" + key, name, readOnly})
			}
		}
	}
	seen := make(map[Scope]int)
	for seed := range uint64(20_000) {
		s := randomSelectors(rand.New(rand.NewPCG(seed, 0)))
		scope := s.logged(photos()).scope()
		seen[scope]++
		for i := range events {
			e := &events[i]
			got := recorded(&s, e)
			must := scope == ScopeAll || scope == ScopeReads && e.readOnly || scope == ScopeWrites && !e.readOnly
			if must && !got || scope == ScopeNone && got {
				t.Fatalf("seed %d: %s, but recorded is %t for %+v by\n%+v", seed, scope, got, *e, s)
			}
		}
	}
	for _, scope := range []Scope{ScopeAll, ScopeReads, ScopeWrites, ScopePart, ScopeNone} {
		if seen[scope] < 100 {
			t.Errorf("only %d selectors have the scope %s", seen[scope], scope)
		}
	}
}
