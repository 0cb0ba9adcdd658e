package dashboards_test

import (
	"slices"
	"strings"
)

// graphRules are those of graphs.
var graphRules = []rule{
	{
		name: "legends with numbers are sorted by one of them, the largest first",
		check: eachGraph(func(p *panel, complain complain) {
			names := map[string]string{"mean": "Mean", "max": "Max", "lastNotNull": "Last *"} // as Grafana calls them
			legend := p.Options.Legend
			if len(legend.Calcs) == 0 {
				if len(p.Targets) > 2 || strings.Contains(p.Targets[0].LegendFormat, "{{") {
					complain("the legend of many lines has no numbers")
				}
				return
			}
			if legend.DisplayMode != "table" || legend.SortBy != names[legend.Calcs[0]] || !legend.SortDesc {
				complain("its legend is %+v", legend)
			}
		}),
		breaking: func(d *dashboard) { lastGraph(d).Options.Legend.SortBy = "" },
	},
	{
		name: "legends show more than two lines",
		check: eachGraph(func(p *panel, complain complain) {
			// Pixels; a legend at the bottom takes a third.
			const grid, gap, title, line, share, most = 38, 8, 40, 24, 0.35, 4
			if len(p.Options.Legend.Calcs) == 0 || p.isNarrow() {
				return
			}
			height := float64(p.GridPos.H*grid - gap - title)
			if p.Options.Legend.Placement == "bottom" {
				height *= share
			}
			if lines := int(height/line) - 1; lines < most {
				complain("its legend shows %d lines", lines)
			}
		}),
		breaking: func(d *dashboard) { lastGraph(d).Options.Legend.Placement = "bottom" },
	},
	{
		name: "legends leave room for the graph",
		check: eachGraph(func(p *panel, complain complain) {
			if p.isNarrow() && p.Options.Legend.Placement != "bottom" {
				complain("its legend stands beside it")
			}
		}),
		breaking: func(d *dashboard) {
			lastGraph(d).GridPos.W = 6
			lastGraph(d).Options.Legend.Placement = "right"
		},
	},
	{
		name: "only what adds up is filled",
		check: eachGraph(func(p *panel, complain complain) {
			custom := p.FieldConfig.Defaults.Custom
			bars := !strings.Contains(p.Targets[0].LegendFormat, "{{") && len(p.Options.Legend.Calcs) == 0
			stacked := custom.Stacking.Mode == "normal"
			if !bars && stacked != (custom.FillOpacity > 0) {
				complain("stacked: %t, filled: %d %%", stacked, custom.FillOpacity)
			}
			if quantiles := strings.Contains(p.Targets[0].Expr, "histogram_quantile"); quantiles && stacked {
				complain("quantiles do not add up")
			}
		}),
		breaking: func(d *dashboard) { lastGraph(d).FieldConfig.Defaults.Custom.FillOpacity = 0 },
	},
	{
		name: "signatures and outcomes have the colours of their meaning",
		check: eachGraph(func(p *panel, complain complain) {
			colours := map[string]map[string]string{
				"{{signature}}": {"SigV2": "red", "SigV4": "green", "SigV4A": "dark-green", "none": "purple", "unknown": "semi-dark-orange"},
				"{{outcome}}":   {"success": "blue", "denied": "semi-dark-orange", "error": "red"},
			}
			got := overrides[struct{ Mode, FixedColor string }](p, "color")
			for name, want := range colours[p.Targets[0].LegendFormat] {
				if c := got[name]; c.Mode != "fixed" || c.FixedColor != want {
					complain("%s is %v", name, c)
				}
			}
		}),
		breaking: func(d *dashboard) {
			for p := range d.queries() {
				p.FieldConfig.Overrides = nil
			}
		},
	},
	{
		name: "requests are counted by the hour, requesters are told apart by the begin of their names",
		check: eachGraph(func(p *panel, complain complain) {
			hourly := strings.HasSuffix(p.Title, "per hour")
			for _, target := range p.Targets {
				if strings.Contains(target.Expr, "3600 * sum") != hourly {
					complain("query %s", target.RefID)
				}
			}
			if p.FieldConfig.Defaults.Unit == "reqps" {
				complain("it counts requests by the second")
			}
			if strings.Contains(p.Targets[0].LegendFormat, "{{requester}}") &&
				!slices.ContainsFunc(p.Transformations, func(t transformation) bool { return t.ID == "renameByRegex" }) {
				complain("the names of requesters begin with what they all have")
			}
		}),
		breaking: func(d *dashboard) { lastGraph(d).Title = "Requests" },
	},
}

// eachGraph returns a check of all graphs.
func eachGraph(check func(p *panel, complain complain)) func(*dashboard, complain) {
	return func(d *dashboard, complain complain) {
		for p := range d.queries() {
			if p.Type == "timeseries" {
				check(p, func(format string, args ...any) { complain("graph %q: "+format, append([]any{p.Title}, args...)...) })
			}
		}
	}
}

// isNarrow reports whether a panel is too narrow for a graph with a legend beside it, on
// a small screen.
func (p *panel) isNarrow() bool { return p.GridPos.W < 10 }

func lastGraph(d *dashboard) *panel {
	var last *panel
	for p := range d.queries() {
		if p.Type == "timeseries" {
			last = p
		}
	}
	return last
}
