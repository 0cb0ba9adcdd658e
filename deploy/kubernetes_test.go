package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// container is the exporter's in the StatefulSet.
type container struct {
	Args  []string
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func exporterContainer(t *testing.T) container {
	t.Helper()
	var set struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []container }
			}
		}
	}
	readYAML(t, "kubernetes/base/statefulset.yaml", &set)
	containers := set.Spec.Template.Spec.Containers
	if len(containers) != 1 {
		t.Fatalf("%d containers", len(containers))
	}
	return containers[0]
}

func TestKubernetes_FilesOfArgumentsAreMounted(t *testing.T) {
	c := exporterContainer(t)
	for _, argument := range c.Args {
		_, path, isFile := strings.Cut(argument, "=/")
		if !isFile {
			continue
		}
		mounted := false
		for _, mount := range c.VolumeMounts {
			mounted = mounted || strings.HasPrefix("/"+path, mount.MountPath+"/")
		}
		if !mounted {
			t.Errorf("nothing is mounted for %s", argument)
		}
	}
}

// location is what a configuration file says of one.
type location struct {
	Location     string
	RoleARN      string `yaml:"role_arn"`
	ExternalID   string `yaml:"external_id"`
	Region       string
	EndpointURL  string `yaml:"endpoint_url"`
	PathStyle    bool   `yaml:"path_style"`
	RecordFormat string `yaml:"record_format"`
	Store        string
}

// UnmarshalYAML takes a text for a map with the location alone.
func (l *location) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&l.Location)
	}
	type plain location
	return node.Decode((*plain)(l))
}

func TestKit_ConfigurationFilesNameLocations(t *testing.T) {
	for _, path := range configurationFiles {
		var file struct{ Locations []location }
		readYAML(t, path, &file)
		if len(file.Locations) == 0 {
			t.Errorf("%s names no locations", path)
		}
		for _, l := range file.Locations {
			if !strings.HasPrefix(l.Location, "s3://example-") {
				t.Errorf("%s has the location %+v", path, l)
			}
		}
	}
}

// ruleGroup is a group of rules as Prometheus has it.
type ruleGroup struct {
	Name     string
	Interval string `yaml:",omitempty"`
	Rules    []rule
}

type rule struct {
	Record        string            `yaml:",omitempty"`
	Alert         string            `yaml:",omitempty"`
	Expr          string            `yaml:",omitempty"`
	For           string            `yaml:",omitempty"`
	KeepFiringFor string            `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:",omitempty"`
	Annotations   map[string]string `yaml:",omitempty"`
}

// ruleGroups returns the groups of all files in dashboards/rules.
func ruleGroups(t *testing.T) []ruleGroup {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "dashboards", "rules", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var groups []ruleGroup
	for _, path := range paths {
		var file struct{ Groups []ruleGroup }
		documents := yaml.NewDecoder(strings.NewReader(read(t, path)))
		documents.KnownFields(true) // what is not copied would be lost
		if err := documents.Decode(&file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		groups = append(groups, file.Groups...)
	}
	if len(groups) == 0 {
		t.Fatal("there are no rules")
	}
	return groups
}

// prometheusRule is the Prometheus Operator's resource.
type prometheusRule struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct{ Groups []ruleGroup }
}

// TestKubernetes_PrometheusRuleHasAllRules makes the resource, since kustomize
// can take in no plain files.
func TestKubernetes_PrometheusRuleHasAllRules(t *testing.T) {
	const path = "kubernetes/overlays/monitoring/prometheusrule.yaml"
	want := prometheusRule{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"}
	want.Metadata.Name = "s3-access-exporter"
	want.Spec.Groups = ruleGroups(t)
	if *update {
		var text bytes.Buffer
		text.WriteString("# Made of dashboards/rules/*.yaml by \"go test ./deploy -update\".\n")
		encoder := yaml.NewEncoder(&text)
		encoder.SetIndent(2)
		if err := encoder.Encode(want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got prometheusRule
	readYAML(t, path, &got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is not what dashboards/rules has; run go test ./deploy -update", path)
	}
}

func TestKit_ScrapesUnderTheNameThatAlertsAskFor(t *testing.T) {
	var asked []string
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			for _, job := range regexp.MustCompile(`job="(\w+)"`).FindAllStringSubmatch(rule.Expr, -1) {
				asked = append(asked, job[1])
			}
		}
	}
	slices.Sort(asked)
	const counts, replicas = "s3_access_exporter", "s3_access_exporter_replicas"
	if asked = slices.Compact(asked); !slices.Equal(asked, []string{counts, replicas}) {
		t.Fatalf("the rules ask for the jobs %q", asked)
	}
	for _, path := range []string{"prometheus/prometheus.yml", "docker/prometheus.yml"} {
		var config struct {
			ScrapeConfigs []struct {
				JobName string `yaml:"job_name"`
			} `yaml:"scrape_configs"`
		}
		readYAML(t, path, &config)
		if len(config.ScrapeConfigs) != 1 || config.ScrapeConfigs[0].JobName != counts {
			t.Errorf("%s scrapes %v, not %s", path, config.ScrapeConfigs, counts)
		}
	}
	for path, line := range map[string]string{
		"kubernetes/overlays/monitoring/servicemonitor.yaml": "replacement: " + counts,
		"kubernetes/overlays/standby/servicemonitor.yaml":    "replacement: " + replicas,
		"kubernetes/overlays/standby/scrapeconfig.yaml":      "jobName: " + counts,
	} {
		if !strings.Contains(read(t, path), line+"\n") {
			t.Errorf("%s does not have %s", path, line)
		}
	}
}

// A pod that moves gets another address. If its labels were of that, new series would begin
// with all that was counted, and no increase() would have what counted in between.
func TestKubernetes_SeriesOfAPodThatMovesGoOn(t *testing.T) {
	type relabeling struct {
		SourceLabels []string `yaml:"sourceLabels"`
		TargetLabel  string   `yaml:"targetLabel"`
	}
	var monitor struct {
		Spec struct {
			Endpoints []struct{ Relabelings []relabeling }
		}
	}
	readYAML(t, "kubernetes/overlays/monitoring/servicemonitor.yaml", &monitor)
	if !slices.ContainsFunc(monitor.Spec.Endpoints[0].Relabelings, func(r relabeling) bool {
		return r.TargetLabel == "instance" && slices.Equal(r.SourceLabels, []string{"__meta_kubernetes_pod_name"})
	}) {
		t.Errorf("the label instance is not the pod's name: %+v", monitor)
	}
	var set struct{ Kind string }
	readYAML(t, "kubernetes/base/statefulset.yaml", &set)
	if set.Kind != "StatefulSet" {
		t.Errorf("the pods of a %s have no names that stay", set.Kind)
	}
}
