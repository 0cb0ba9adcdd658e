package dashboards_test

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// tableRules are those of tables.
var tableRules = []rule{
	{
		name: "tables are of the end of the time range, sorted, and show no column by its technical name",
		check: eachTable(func(p *panel, complain complain) {
			for _, target := range p.Targets {
				if !target.Instant || target.Range || target.Format != "table" {
					complain("query %s is no instant table", target.RefID)
				}
			}
			titles := slices.Collect(maps.Values(p.columns()))
			if len(p.Options.SortBy) == 0 {
				complain("it is not sorted")
			}
			for _, by := range p.Options.SortBy {
				if !slices.Contains(titles, by.DisplayName) {
					complain("it is sorted by the unknown column %q", by.DisplayName)
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				if o.Matcher.ID == "byType" && o.Matcher.Options == "string" {
					continue
				}
				if o.Matcher.ID != "byName" || !slices.Contains(titles, o.Matcher.Options) {
					complain("it has an override of the unknown column %q", o.Matcher.Options)
				}
			}
		}),
		breaking: func(d *dashboard) { firstTable(d).Options.SortBy = nil },
	},
	{
		// A unit of all columns makes numbers of labels: of accounts, and of versions.
		name: "labels are text, and numbers have a unit of their own",
		check: eachTable(func(p *panel, complain complain) {
			if unit := p.FieldConfig.Defaults.Unit; unit != "" {
				complain("all columns have the unit %q", unit)
			}
			units, mappings := overrides[string](p, "unit"), overrides[[]mapping](p, "mappings")
			if units["string"] != "string" {
				complain("labels have the unit %q", units["string"])
			}
			for field, title := range p.columns() {
				unit, number := units[title], strings.HasPrefix(field, "Value")
				if number && unit == "" && mappings[title] == nil || !number && unit != "" {
					complain("column %q has the unit %q", title, unit)
				}
			}
		}),
		breaking: func(d *dashboard) { firstTable(d).FieldConfig.Defaults.Unit = "locale" },
	},
	{
		name: "what a label does not contain is not blank",
		check: eachTable(func(p *panel, complain complain) {
			texts, mappings := overrides[string](p, "noValue"), overrides[[]mapping](p, "mappings")
			if texts["string"] == "" {
				complain("labels are blank where there is nothing")
			}
			for field, title := range p.columns() {
				if strings.HasPrefix(field, "Value") && texts[title] == "" && mappings[title] == nil {
					complain("column %q is blank where there is nothing", title)
				}
			}
		}),
		breaking: func(d *dashboard) { firstTable(d).FieldConfig.Overrides = nil },
	},
	{
		name: "all columns but one have a width, and there is room for them",
		check: eachTable(func(p *panel, complain complain) {
			const (
				char, padding, icon = 7.2, 13, 22 // of the header; icons of a filter and, where it is sorted by, an arrow
				least               = 150         // Grafana's for columns without a width
				scrollBar           = 16
			)
			widths := overrides[float64](p, "custom.width")
			var elastic []string
			sum := 0.0
			for _, title := range p.columns() {
				width, ok := widths[title]
				if !ok {
					elastic = append(elastic, title)
					continue
				}
				sum += width
				need := char*float64(len(title)) + padding + icon
				if p.Options.SortBy[0].DisplayName == title {
					need += icon
				}
				if width < math.Floor(need) {
					complain("column %q is %.0f pixels wide, its title %.0f", title, width, need)
				}
			}
			if len(elastic) != 1 {
				complain("the columns %q have no width", elastic)
				return
			}
			room := p.width(smallScreen) - scrollBar - sum
			if room < least {
				complain("column %q has only %.0f pixels on a small screen", elastic[0], room)
			}
			if requester := p.columns()["requester"]; requester != "" && requester != elastic[0] {
				complain("the rest is for %q, not for requesters", elastic[0])
			}
		}),
		breaking: func(d *dashboard) {
			t := firstTable(d)
			t.FieldConfig.Overrides = slices.DeleteFunc(t.FieldConfig.Overrides, func(o override) bool { return o.property("custom.width", new(float64)) })
		},
	},
	{
		name: "requesters begin with what tells them apart, and can be looked at whole",
		check: eachTable(func(p *panel, complain complain) {
			requester := p.columns()["requester"]
			if requester == "" {
				return
			}
			mappings := overrides[[]mapping](p, "mappings")[requester]
			if !slices.ContainsFunc(mappings, func(m mapping) bool { return m.Type == "regex" && strings.HasPrefix(m.Options.Result.Text, "$2") }) {
				complain("ARNs begin with what they all have")
			}
			if !overrides[bool](p, "custom.inspect")[requester] {
				complain("ARNs cannot be looked at whole")
			}
		}),
		breaking: func(d *dashboard) { firstTable(d).FieldConfig.Overrides = nil },
	},
}

// eachTable returns a check of all tables.
func eachTable(check func(p *panel, complain complain)) func(*dashboard, complain) {
	return func(d *dashboard, complain complain) {
		for p := range d.queries() {
			if p.Type == "table" {
				check(p, func(format string, args ...any) { complain("table %q: "+format, append([]any{p.Title}, args...)...) })
			}
		}
	}
}

func firstTable(d *dashboard) *panel {
	for p := range d.queries() {
		if p.Type == "table" {
			return p
		}
	}
	return nil
}
