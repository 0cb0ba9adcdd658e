package history

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/s3access/s3_access_exporter/collector"
)

func TestWrite_HasOnlyTheWorstVerdictOnAClient(t *testing.T) {
	var text strings.Builder
	w := newWriter(&text, 60, 240, nil)
	for _, row := range []struct {
		client, verdict, support string
		step                     int64
	}{{"boto3", "no", "current", 3}, {"boto3", "unknown", "ended", 2}, {"boto3", "yes", "unknown", 2}, {"rclone", "yes", "unknown", 4}} {
		key := fmt.Appendf([]byte{byte(collector.FamilyClientInfo)}, "%s\xff1.2\xff%s\xff%s\xff", row.client, row.verdict, row.support)
		if err := w.add(appendStep(key, row.step), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	_, samples, _ := strings.Cut(text.String(), "supports it.\n")
	const want = `s3_access_client_info{client="boto3",client_version="1.2",sigv4_default="no",support="ended"} 1 120
s3_access_client_info{client="boto3",client_version="1.2",sigv4_default="no",support="ended"} 1 180
s3_access_client_info{client="boto3",client_version="1.2",sigv4_default="no",support="ended"} 1 240
s3_access_client_info{client="rclone",client_version="1.2",sigv4_default="yes",support="unknown"} 1 240
# EOF
`
	if samples != want {
		t.Errorf("got\n%s\nwant\n%s", samples, want)
	}
}

// brokenPipe is a reader that has gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestWrite_EndsWithItsReader(t *testing.T) {
	const endless = 1 << 40
	w := newWriter(brokenPipe{}, 1, endless, nil)
	key := appendStep([]byte("\x00\xff\xff\xff\xff\xff\xff\xff"), 0)
	if err := w.add(key, []int64{1}); err != nil {
		t.Fatal(err)
	}
	if err := w.close(); !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
}
