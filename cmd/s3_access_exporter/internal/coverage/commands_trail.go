package coverage

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// Limits of a trail's selectors.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
const (
	mostBasicResources = 250
	mostAdvancedValues = 500
)

// closeTrails writes the commands by which trails record the objects of more buckets.
func (c *closing) closeTrails() {
	wanted := make(map[string][]*Bucket) // by the trail's ARN
	homeless := 0
	for i := range c.Buckets {
		b := &c.Buckets[i]
		if b.Name == "" || b.Trail.Scope == ScopeAll || b.Trail.Scope == ScopeUnknown || b.Kind == KindGeneral && !c.byTrail {
			continue
		}
		if r := c.trailFor(b); r != nil {
			wanted[r.ARN] = append(wanted[r.ARN], b)
		} else {
			homeless++
		}
	}
	for i := range c.Recorders {
		r := &c.Recorders[i]
		if buckets := wanted[r.ARN]; len(buckets) > 0 {
			c.extendTrail(r, buckets)
		}
	}
	if homeless > 0 {
		c.printf("# Account %s: buckets that no trail there is could record, %d; make one first:\n", c.ID, homeless)
		c.printf("# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-create-and-update-a-trail.html\n")
	}
}

// trailFor returns the trail that is to record a bucket's objects: one of the account
// itself that logs there and whose selectors are known; nil if there is none. A trail
// does not record its own log bucket, which would be a loop.
func (c *closing) trailFor(b *Bucket) *Recorder {
	for i := range c.Recorders {
		r := &c.Recorders[i]
		if !r.store && r.Unknown == "" && r.AccountID == c.ID && r.sees(b) && r.Target != b.Name &&
			(b.Kind == KindGeneral || len(r.Selectors.Basic) == 0) {
			return r
		}
	}
	return nil
}

// extendTrail writes the command that gives a trail its own selectors and one more.
// put-event-selectors replaces what is there, and advanced selectors would replace
// basic ones, so a trail with basic selectors stays basic.
func (c *closing) extendTrail(r *Recorder, buckets []*Bucket) {
	c.printf("# Trail %s: data events of %d more buckets, at CloudTrail's price for data events\n", r.ARN, len(buckets))
	c.printf("aws cloudtrail put-event-selectors --region %s --trail-name %s", quote(r.HomeRegion), quote(r.ARN))
	if len(r.Selectors.Basic) > 0 {
		selectors, values := moreBasic(r, buckets)
		c.printf(" --event-selectors %s\n", quote(string(selectors)))
		if values > mostBasicResources {
			c.printf("# More than the %d resources that a trail's basic selectors may have: CloudTrail will refuse it.\n", mostBasicResources)
		}
	} else {
		selectors, values := moreAdvanced(r, buckets)
		c.printf(" --advanced-event-selectors %s\n", quote(string(selectors)))
		if values > mostAdvancedValues {
			c.printf("# More than the %d values that a trail's advanced selectors may have: CloudTrail will refuse it.\n", mostAdvancedValues)
		}
	}
	c.printf("\n")
}

// moreBasic returns a trail's basic selectors with one more value a bucket, in a
// selector of all reads and writes, and how many resources they have then. A trail may
// have but five selectors, so one that fits takes the values.
func moreBasic(r *Recorder, buckets []*Bucket) (selectors []byte, values int) {
	arns := arnsOf(buckets)
	all := plain(r.Selectors.Basic).([]any) //nolint:errcheck // a list is a list
	resource := map[string]any{"Type": "AWS::S3::Object", "Values": arns}
	fits := slices.IndexFunc(r.Selectors.Basic, func(s types.EventSelector) bool { return s.ReadWriteType == types.ReadWriteTypeAll })
	if fits >= 0 {
		s := all[fits].(map[string]any) //nolint:errcheck // a struct is a map
		resources, _ := s["DataResources"].([]any)
		s["DataResources"] = append(resources, resource)
	} else {
		all = append(all, map[string]any{
			"ReadWriteType": "All", "IncludeManagementEvents": false, "DataResources": []any{resource},
		})
	}
	values = len(arns)
	for _, s := range r.Selectors.Basic {
		for _, resource := range s.DataResources {
			values += len(resource.Values)
		}
	}
	return toJSON(all), values
}

// moreAdvanced returns a trail's advanced selectors with one more for each kind of
// buckets, and how many values they have then. A trail without any selectors records
// management events, and goes on to.
func moreAdvanced(r *Recorder, buckets []*Bucket) (selectors []byte, values int) {
	all := plain(r.Selectors.Advanced).([]any) //nolint:errcheck // a list is a list
	equals := func(name, value string) any {
		return map[string]any{"Field": name, "Equals": []string{value}}
	}
	if len(all) == 0 {
		all = append(all, map[string]any{"Name": "Management events", "FieldSelectors": []any{equals("eventCategory", "Management")}})
	}
	for _, kind := range []Kind{KindGeneral, KindDirectory, KindTable} {
		of := slices.DeleteFunc(slices.Clone(buckets), func(b *Bucket) bool { return b.Kind != kind })
		if len(of) == 0 {
			continue
		}
		all = append(all, map[string]any{
			"Name": fmt.Sprintf("Objects of %d %s buckets", len(of), kind),
			"FieldSelectors": []any{
				equals("eventCategory", "Data"),
				equals("resources.type", of[0].resourceType()),
				map[string]any{"Field": "resources.ARN", "StartsWith": arnsOf(of)},
			},
		})
	}
	values = countValues(all)
	return toJSON(all), values
}

// countValues returns how many values the conditions of selectors have together.
func countValues(value any) int {
	n := 0
	switch value := plain(value).(type) {
	case []any:
		for _, v := range value {
			if _, text := v.(string); text {
				n++
			}
			n += countValues(v)
		}
	case map[string]any:
		for _, v := range value {
			n += countValues(v)
		}
	}
	return n
}

func arnsOf(buckets []*Bucket) []string {
	arns := make([]string, len(buckets))
	for i, b := range buckets {
		arns[i] = b.objectARN("")
	}
	return arns
}

// plain returns a value as plain maps, lists and texts without what is not set. The
// SDK's types have the names of the API, which are those of the CLI.
func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the SDK's types of selectors have a form
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err) // it was written just now
	}
	return withoutNull(out)
}

func withoutNull(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if v == nil {
				delete(value, key)
				continue
			}
			value[key] = withoutNull(v)
		}
	case []any:
		for i, v := range value {
			value[i] = withoutNull(v)
		}
	case nil:
		return []any{}
	}
	return value
}
