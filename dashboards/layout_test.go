package dashboards_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ourRules are what a reader of the dashboards can rely on.
var ourRules = []rule{
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
		breaking: func(d *dashboard) { firstPanel(d).ID = d.Panels[0].ID },
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
		name: "every panel keeps to the bucket that is chosen, and says so if not to the account",
		check: func(d *dashboard, complain complain) {
			if d.variable("bucket") == nil {
				return
			}
			for p := range d.queries() {
				byAccount := false
				for _, target := range p.Targets {
					if !strings.Contains(target.Expr, `bucket=~"$bucket"`) {
						complain("panel %q, query %s does not", p.Title, target.RefID)
					}
					byAccount = byAccount || strings.Contains(target.Expr, `account_id=~"$account_id"`)
				}
				if said := strings.Contains(p.Description, "The account filter does not reach it"); said == byAccount {
					complain("panel %q says that the account filter does not reach it: %t", p.Title, said)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "up" },
	},
	{
		name: "tables are of the end of the time range, sorted, and show no column by its technical name",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if p.Type != "table" {
					continue
				}
				for _, target := range p.Targets {
					if !target.Instant || target.Range || target.Format != "table" {
						complain("panel %q, query %s is no instant table", p.Title, target.RefID)
					}
				}
				var titles []string
				for _, title := range p.columns() {
					titles = append(titles, title)
				}
				if len(p.Options.SortBy) == 0 {
					complain("panel %q is not sorted", p.Title)
				}
				for _, by := range p.Options.SortBy {
					if !slices.Contains(titles, by.DisplayName) {
						complain("panel %q is sorted by the unknown column %q", p.Title, by.DisplayName)
					}
				}
				for _, o := range p.FieldConfig.Overrides {
					if o.Matcher.ID != "byName" || !slices.Contains(titles, o.Matcher.Options) {
						complain("panel %q has an override of the unknown column %q", p.Title, o.Matcher.Options)
					}
				}
			}
		},
		breaking: func(d *dashboard) {
			for p := range d.queries() {
				p.Options.SortBy = nil
			}
		},
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
