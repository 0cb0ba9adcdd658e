package deploy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// job is a Job of Kubernetes.
type job struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []container
				Volumes    []struct {
					Name  string
					Claim struct {
						Name string `yaml:"claimName"`
					} `yaml:"persistentVolumeClaim"`
				}
			}
		}
	}
}

// The jobs do what they are for, with the volumes that the StatefulSet's pods have.
func TestKubernetes_JobsWorkOnTheVolumesOfThePods(t *testing.T) {
	for _, name := range []string{"move", "reshard"} {
		t.Run(name, func(t *testing.T) {
			var j job
			readYAML(t, filepath.Join("kubernetes", "jobs", name, "job.yaml"), &j)
			spec := j.Spec.Template.Spec
			dir := t.TempDir()
			args := strings.Join(spec.Containers[0].Args, "\n")
			for _, volume := range spec.Volumes {
				index, isCheckpoint := strings.CutPrefix(volume.Name, "checkpoint-")
				if !isCheckpoint {
					continue
				}
				if volume.Claim.Name != "checkpoint-s3-access-exporter-"+index || !strings.Contains(args, "/checkpoints/"+index+"/s3_access_exporter.db") {
					t.Errorf("volume %s is of %s, and the arguments are %q", volume.Name, volume.Claim.Name, args)
				}
				if err := os.Mkdir(filepath.Join(dir, index), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			used(t, filepath.Join(dir, "0", "s3_access_exporter.db"))
			args = strings.ReplaceAll(args, "/checkpoints", dir)
			args = strings.ReplaceAll(args, "s3://example-state/s3_access_exporter", filepath.Join(dir, "s3.db"))
			for range 2 { // as a Job may
				out := run(t, strings.Split(args, "\n")...)
				if !strings.Contains(out, "0 streams, ") {
					t.Errorf("%q prints %s", args, out)
				}
			}
		})
	}
}

// used makes the checkpoint of an exporter that has counted something.
func used(t *testing.T, path string) {
	t.Helper()
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = state.Update(func(tx *checkpoint.Tx) error {
		return errors.Join(tx.PutShard(checkpoint.Shard{Index: 0, Count: 1}), tx.PutPrefix("aws/example-logs", "", checkpoint.Prefix{}))
	})
	if err := errors.Join(err, state.Close()); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
}
