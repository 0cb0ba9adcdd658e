package coverage

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// Selectors choose which events a trail or an event data store records. A trail has
// either kind; one without any records management events alone.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
type Selectors struct {
	Basic    []types.EventSelector
	Advanced []types.AdvancedEventSelector
}

// logged returns how much of a bucket's object requests is recorded: what one
// selector records is recorded.
func (s *Selectors) logged(b *Bucket) logged {
	var all logged
	for i := range s.Basic {
		all = all.or(basicLogged(&s.Basic[i], b))
	}
	for i := range s.Advanced {
		all = all.or(advancedLogged(s.Advanced[i].FieldSelectors, b))
	}
	return all
}

// basicLogged evaluates a basic selector: values are beginnings of ARNs.
func basicLogged(s *types.EventSelector, b *Bucket) logged {
	objects := levelNone
	for _, resource := range s.DataResources {
		if aws.ToString(resource.Type) != b.resourceType() {
			continue
		}
		for _, value := range resource.Values {
			objects = max(objects, basicValue(value, b))
		}
	}
	asked := both(levelAll)
	switch s.ReadWriteType {
	case types.ReadWriteTypeReadOnly:
		asked.writes = levelNone
	case types.ReadWriteTypeWriteOnly:
		asked.reads = levelNone
	}
	return asked.and(both(objects))
}

// basicValue returns how many of a bucket's objects a value stands for. AWS's pages
// name three forms, arn:aws:s3 (with or without colons behind it) for all buckets,
// the bucket with a slash, and a prefix in it. Any other beginning of the bucket's
// ARN is a part: nobody can be sure.
func basicValue(value string, b *Bucket) level {
	objects := b.objectARN("")
	switch {
	case value == objects, strings.TrimRight(value, ":") == b.serviceARN():
		return levelAll
	case value == "":
		return levelNone
	case strings.HasPrefix(value, objects), strings.HasPrefix(objects, value):
		return levelPart
	}
	return levelNone
}

// advancedLogged evaluates an advanced selector: all of its fields must match.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
func advancedLogged(fields []types.AdvancedFieldSelector, b *Bucket) logged {
	all := both(levelAll)
	categorised := false
	for i := range fields {
		f := &fields[i]
		switch aws.ToString(f.Field) {
		case "eventCategory":
			categorised = true
			all = all.and(both(matches(f, "Data")))
		case "resources.type":
			all = all.and(both(matches(f, b.resourceType())))
		case "eventSource":
			all = all.and(both(matches(f, b.eventSource())))
		case "readOnly":
			all = all.and(logged{reads: matches(f, "true"), writes: matches(f, "false")})
		case "resources.ARN":
			all = all.and(both(objectsMatch(f, b)))
		default:
			// eventName, userIdentity.arn, vpcEndpointId, errorCode and what else comes:
			// some requests match, and some may not.
			all = all.and(both(levelPart))
		}
	}
	if !categorised {
		return logged{} // AWS accepts no such selector
	}
	return all
}

// matches reports whether a field whose value is known matches: one of the
// operators that select must, and all that deselect.
func matches(f *types.AdvancedFieldSelector, value string) level {
	selected := len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0
	for _, want := range f.Equals {
		selected = selected || value == want
	}
	for _, want := range f.StartsWith {
		selected = selected || strings.HasPrefix(value, want)
	}
	for _, want := range f.EndsWith {
		selected = selected || strings.HasSuffix(value, want)
	}
	for _, not := range f.NotEquals {
		selected = selected && value != not
	}
	for _, not := range f.NotStartsWith {
		selected = selected && !strings.HasPrefix(value, not)
	}
	for _, not := range f.NotEndsWith {
		selected = selected && !strings.HasSuffix(value, not)
	}
	if selected {
		return levelAll
	}
	return levelNone
}

// objectsMatch returns how many of a bucket's objects match by their ARN.
func objectsMatch(f *types.AdvancedFieldSelector, b *Bucket) level {
	selected := levelNone
	if len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0 {
		selected = levelAll
	}
	objects := b.objectARN("")
	for _, want := range f.Equals {
		selected = max(selected, one(want, objects))
	}
	for _, want := range f.StartsWith {
		selected = max(selected, beginning(want, objects))
	}
	if len(f.EndsWith) > 0 {
		selected = max(selected, levelPart)
	}
	for _, not := range f.NotEquals {
		selected = min(selected, levelAll-one(not, objects))
	}
	for _, not := range f.NotStartsWith {
		selected = min(selected, levelAll-beginning(not, objects))
	}
	if len(f.NotEndsWith) > 0 {
		selected = min(selected, levelPart)
	}
	return selected
}

// one returns how many of the objects whose ARNs begin with objects have this very
// ARN. The ARN of the bucket itself is none of them.
func one(arn, objects string) level {
	if len(arn) > len(objects) && strings.HasPrefix(arn, objects) {
		return levelPart
	}
	return levelNone
}

// beginning returns how many of the objects whose ARNs begin with objects have ARNs
// that begin with start. There is no end of a name in it: arn:aws:s3:::logs is the
// beginning of logs-2, too.
func beginning(start, objects string) level {
	switch {
	case strings.HasPrefix(objects, start):
		return levelAll
	case strings.HasPrefix(start, objects):
		return levelPart
	}
	return levelNone
}
