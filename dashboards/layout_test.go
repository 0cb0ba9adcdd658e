package dashboards_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layoutRules say where things are, and that they are told apart.
var layoutRules = []rule{
	{
		name: "panels fill the rows of the grid and do not overlap",
		check: func(d *dashboard, complain complain) {
			const columns = 24
			taken := make(map[[2]int]int) // panel by place
			bottom := 0
			for _, p := range d.Panels {
				pos := p.GridPos
				if pos.W <= 0 || pos.H <= 0 || pos.X < 0 || pos.Y < 0 || pos.X+pos.W > columns {
					complain("panel %q lies outside of the grid: %+v", p.Title, pos)
					return
				}
				for x := pos.X; x < pos.X+pos.W; x++ {
					for y := pos.Y; y < pos.Y+pos.H; y++ {
						if other, ok := taken[[2]int{x, y}]; ok {
							complain("panel %q lies upon panel %d", p.Title, other)
							return
						}
						taken[[2]int{x, y}] = p.ID
					}
				}
				bottom = max(bottom, pos.Y+pos.H)
			}
			if gaps := columns*bottom - len(taken); gaps > 0 {
				complain("%d places of the grid are empty", gaps)
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).GridPos.W++ },
	},
	{
		name: "panels and queries are told apart, and rows are open",
		check: func(d *dashboard, complain complain) {
			ids, titles := make(map[int]bool), make(map[string]bool)
			for _, p := range d.Panels {
				if titles[p.Title] {
					complain("two panels have the title %q", p.Title)
				}
				titles[p.Title] = true
				if ids[p.ID] || p.ID == 0 {
					complain("panel %q has the id %d of another", p.Title, p.ID)
				}
				ids[p.ID] = true
				if len(p.Panels) > 0 {
					complain("row %q is collapsed", p.Title)
				}
				refs := make(map[string]bool)
				for _, target := range p.Targets {
					if refs[target.RefID] || target.RefID == "" {
						complain("panel %q has two queries %q", p.Title, target.RefID)
					}
					refs[target.RefID] = true
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).ID = d.Panels[1].ID },
	},
	{
		name: "one log at a time",
		check: func(d *dashboard, complain complain) {
			if v := d.variable("log"); v != nil && (v.Multi || v.IncludeAll) {
				complain("several logs can be chosen")
			}
		},
		breaking: func(d *dashboard) { d.variable("log").IncludeAll = true },
	},
	{
		name: "variables tell what they are",
		check: func(d *dashboard, complain complain) {
			for _, v := range d.Templating.List {
				if v.Label == "" || v.Type == "query" && v.Description == "" {
					complain("variable %s has no label or description", v.Name)
				}
			}
		},
		breaking: func(d *dashboard) { d.variable("log").Description = "" },
	},
	{
		name: "graphs are ranges, numbers are instant",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				for _, target := range p.Targets {
					if graph := p.Type == "timeseries"; target.Range != graph || target.Instant == graph {
						complain("panel %q, query %s", p.Title, target.RefID)
					}
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Range = true },
	},
	{
		name: "what matters is in the first screen",
		check: func(d *dashboard, complain complain) {
			// Rows of 30 pixels with gaps of 8, below the navigation, and two rows of variables on the small one.
			const fullHD, laptop = 22, 14
			found := 0
			for _, p := range d.Panels {
				bottom := p.GridPos.Y + p.GridPos.H
				if slices.Contains(answers[d.UID], p.Title) {
					found++
					if bottom > laptop {
						complain("panel %q ends at row %d, below a laptop's first screen", p.Title, bottom)
					}
				}
				if p.Type == row && p.GridPos.Y < laptop {
					complain("row %q takes room in the first screen", p.Title)
				}
				if slices.Contains(soon[d.UID], p.Title) {
					found++
					if bottom > fullHD {
						complain("panel %q ends at row %d, below the first screen", p.Title, bottom)
					}
				}
			}
			if want := len(answers[d.UID]) + len(soon[d.UID]); found != want || want == 0 {
				complain("%d of the %d panels that matter are there", found, want)
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).GridPos.Y = 14 },
	},
	{
		name: "titles of numbers are not cut",
		check: func(d *dashboard, complain complain) {
			const char, rest = 6.9, 43 // pixels, seen in Grafana; the rest is padding and the mark of the description
			for p := range d.queries() {
				if width := char*float64(len(p.Title)) + rest; p.Type == "stat" && width > p.width(smallScreen) {
					complain("panel %q is %.0f pixels wide, its title %.0f", p.Title, p.width(smallScreen), width)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).GridPos.W = 2 },
	},
	{
		name: "the variables take two rows at most",
		check: func(d *dashboard, complain complain) {
			// Pixels, seen in Grafana: a variable with a short value, what stands right of all, and a gap.
			const value, char, right, gap = 125, 7, 545, 8
			width := 0
			for _, v := range d.Templating.List {
				if v.Hide == 0 {
					width += value + char*len(v.Label) + gap
				}
			}
			if room := 2 * (int(smallScreen) - right); width > room {
				complain("they take %d of %d pixels", width, room)
			}
		},
		breaking: func(d *dashboard) { d.variable("log").Label = strings.Repeat("Log ", 100) },
	},
	{
		name: "every dashboard leads to the others, with the same time and choices",
		check: func(d *dashboard, complain complain) {
			if len(d.Tags) != 1 || len(d.Links) != 1 || d.Links[0].Type != "dashboards" ||
				!slices.Equal(d.Links[0].Tags, d.Tags) || !d.Links[0].IncludeVars || !d.Links[0].KeepTime {
				complain("tags %q, links %+v", d.Tags, d.Links)
			}
		},
		breaking: func(d *dashboard) { d.Tags = []string{"other"} },
	},
}

// answers are, by dashboard, the panels that answer its questions, and soon those
// that come next.
var (
	answers = map[string][]string{
		"s3-access-sigv2-migration": {
			"SigV2 requests", "Day on day", "Week on week", "SigV2 requests by day", "Who signs with SigV2, and with which client", "Data as of",
			"Pending or stale", "Blind spots",
		},
		"s3-access-object-access":    {"Who deletes", "Deletes by requester, per hour", "Data as of", "Pending or stale"},
		"s3-access-anonymous-denied": {"Anonymous success", "Anonymous requests answered, by bucket, per hour", "Data as of", "Pending or stale"},
		"s3-access-turned-off":       {"Requesters left", "Cannot tell", "What is left, by feature", "Data as of", "Pending or stale"},
		"s3-access-exporter-health":  {"Exporters down", "Exporters", "Locations", "Data as of"},
	}
	soon = map[string][]string{
		"s3-access-sigv2-migration":  {"SigV2 by requester, per hour"},
		"s3-access-object-access":    {"Requests by requester, per hour"},
		"s3-access-anonymous-denied": {"What is open", "Who gets something"},
		"s3-access-turned-off":       {"Who uses it, from where, and with which client"},
		"s3-access-exporter-health":  {"Lag", "Series as a share of the limit"},
	}
)

// Widths of screens in pixels.
const (
	smallScreen = 1366
	wideScreen  = 1920
)

// width returns the width of a panel in pixels.
func (p *panel) width(screen float64) float64 {
	const margin, columns, gap = 32, 24, 8
	column := (screen - margin - (columns-1)*gap) / columns
	return float64(p.GridPos.W)*column + float64(p.GridPos.W-1)*gap
}

func TestDashboards_LinkToDashboardsThatAreThere(t *testing.T) {
	all := loadDashboards(t)
	links := 0
	for file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range dashboardLink.FindAllSubmatch(text, -1) {
			links++
			if all[string(link[1])+".json"] == nil {
				t.Errorf("%s leads to a dashboard %s", file, link[1])
			}
			for _, name := range linkVariable.FindAllSubmatch(link[2], -1) {
				if all[file].variable(string(name[1])) == nil {
					t.Errorf("%s: a link has the unknown variable %s", file, name[1])
				}
			}
		}
	}
	if links == 0 {
		t.Error("there are no links")
	}
}

// Links to dashboards, and the variables that they hand on.
var (
	dashboardLink = regexp.MustCompile(`"url": "/d/([^?"]+)([^"]*)"`)
	linkVariable  = regexp.MustCompile(`\$\{(\w+):queryparam\}`)
)

func TestDashboards_HaveTheIdentityOfTheirFiles(t *testing.T) {
	const current = 42 // of Grafana 13
	var tags []string
	for file, d := range loadDashboards(t) {
		if d.UID+".json" != file {
			t.Errorf("%s has the uid %q", file, d.UID)
		}
		if d.Title == "" || d.Description == "" {
			t.Errorf("%s has no title or description", file)
		}
		if d.SchemaVersion != current {
			t.Errorf("%s has the schema version %d", file, d.SchemaVersion)
		}
		tags = append(tags, d.Tags...)
	}
	slices.Sort(tags)
	if tags = slices.Compact(tags); len(tags) != 1 {
		t.Errorf("the dashboards have the tags %q", tags)
	}
}
