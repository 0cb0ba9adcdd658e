package warehouse

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// fakeAthena answers as Athena does, in its JSON protocol. Each call of an operation takes
// the next of its answers; the last one stays.
type fakeAthena struct {
	mu      sync.Mutex // guards all below
	answers map[string][]answer
	calls   []string
	inputs  map[string]map[string]any // the last of each operation
	asked   func(operation string)    // called before each answer; may be nil
}

type answer struct {
	code int // of HTTP; 0: 200
	body string
}

// ServeHTTP implements http.Handler.
func (f *fakeAthena) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.calls = append(f.calls, operation)
	if f.asked != nil {
		f.asked(operation)
	}
	var input map[string]any
	if body, err := io.ReadAll(r.Body); err == nil && json.Unmarshal(body, &input) == nil {
		if f.inputs == nil {
			f.inputs = make(map[string]map[string]any)
		}
		f.inputs[operation] = input
	}
	a := answer{code: http.StatusBadRequest, body: `{"__type":"InvalidRequestException","Message":"nothing is set for ` + operation + `"}`}
	if all := f.answers[operation]; len(all) > 0 {
		a = all[0]
		if len(all) > 1 {
			f.answers[operation] = all[1:]
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if a.code != 0 {
		w.WriteHeader(a.code)
	}
	_, _ = io.WriteString(w, a.body)
}

func (f *fakeAthena) called(operation string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == operation {
			n++
		}
	}
	return n
}

func execution(state, reason string, scanned int) answer {
	return answer{body: fmt.Sprintf(`{"QueryExecution":{"QueryExecutionId":"q1","Status":{"State":%q,"StateChangeReason":%q},"Statistics":{"DataScannedInBytes":%d}}}`, state, reason, scanned)}
}

func page(next string, rows ...string) answer {
	token := ""
	if next != "" {
		token = fmt.Sprintf(`,"NextToken":%q`, next)
	}
	return answer{body: `{"ResultSet":{"Rows":[` + strings.Join(rows, ",") + `]}` + token + `}`}
}

const (
	started  = `{"QueryExecutionId":"q1"}`
	header   = `{"Data":[{"VarCharValue":"a"},{"VarCharValue":"b"}]}`
	fullRow  = `{"Data":[{"VarCharValue":"1"},{"VarCharValue":""}]}`
	nullRow  = `{"Data":[{"VarCharValue":"2"},{}]}`
	throttle = `{"__type":"TooManyRequestsException","Message":"slow down"}`
)

func athenaOf(t *testing.T, f *fakeAthena, cfg AthenaConfig) *AthenaClient {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg.EndpointURL = server.URL
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := newAthenaClient(aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")}, cfg)
	c.pause = time.Millisecond
	return c
}

// ask runs a query, and returns its rows; NULL is <null>.
func ask(ctx context.Context, c *AthenaClient, progress func(State)) (rows []string, err error) {
	err = c.Query(ctx, "SELECT 1", progress, func(row []sql.NullString) error {
		var cells []string
		for _, v := range row {
			if v.Valid {
				cells = append(cells, v.String)
			} else {
				cells = append(cells, "<null>")
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
		return nil
	})
	return rows, err
}

func nobody(State) {}

func TestAthena_ReadsEveryPageAndTellsNullFromEmpty(t *testing.T) {
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {{body: started}},
		"GetQueryExecution":   {execution("QUEUED", "", 0), execution("RUNNING", "", 100), execution("SUCCEEDED", "", 2000)},
		"GetQueryResults":     {page("more", header, fullRow), page("", nullRow, header)},
	}}
	c := athenaOf(t, f, AthenaConfig{Workgroup: "logs", Catalog: "AwsDataCatalog", Database: "s3", OutputLocation: "s3://results/"})
	var states []string
	rows, err := ask(t.Context(), c, func(s State) { states = append(states, fmt.Sprint(s.Text, " ", s.Bytes)) })
	if got, want := strings.Join(rows, " "), "1| 2|<null> a|b"; err != nil || got != want {
		t.Errorf("%q, want %q; error %v", got, want, err)
	}
	if got, want := strings.Join(states, ", "), "QUEUED 0, RUNNING 100, SUCCEEDED 2000"; got != want {
		t.Errorf("states %s, want %s", got, want)
	}
	in := f.inputs["StartQueryExecution"]
	if in["WorkGroup"] != "logs" || in["QueryString"] != "SELECT 1" || in["ResultReuseConfiguration"] != nil || in["ClientRequestToken"] == nil {
		t.Errorf("asked for %v", in)
	}
	if f.inputs["GetQueryResults"]["NextToken"] != "more" || f.called("StopQueryExecution") != 0 {
		t.Errorf("%v, calls %v", f.inputs["GetQueryResults"], f.calls)
	}
}

// A workgroup that has a place for results, or enforces one, is given none.
func TestAthena_LeavesResultsToTheWorkgroup(t *testing.T) {
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("SUCCEEDED", "", 0)}, "GetQueryResults": {page("", header)},
	}}
	if _, err := ask(t.Context(), athenaOf(t, f, AthenaConfig{Workgroup: "primary"}), nobody); err != nil || f.inputs["StartQueryExecution"]["ResultConfiguration"] != nil {
		t.Errorf("%v, %v", f.inputs["StartQueryExecution"], err)
	}
}

func TestAthena_HasPatienceWithThrottling(t *testing.T) {
	slow := answer{code: http.StatusBadRequest, body: throttle}
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {slow, {body: started}}, "GetQueryExecution": {slow, execution("SUCCEEDED", "", 0)}, "GetQueryResults": {slow, page("", header, fullRow)},
	}}
	rows, err := ask(t.Context(), athenaOf(t, f, AthenaConfig{Workgroup: "primary"}), nobody)
	if err != nil || len(rows) != 1 || f.called("StartQueryExecution") != 2 {
		t.Errorf("%q, %v, calls %v", rows, err, f.calls)
	}
}

func TestAthena_NamesWhyAQueryFails(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[string][]answer
		want    string
		noTable bool
	}{
		"refused": {map[string][]answer{"StartQueryExecution": {{400, `{"__type":"InvalidRequestException","Message":"WorkGroup x is not found."}`}}}, "athena: InvalidRequestException: WorkGroup x is not found.", false},
		"failed": {
			map[string][]answer{"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("FAILED", "HIVE_BAD_DATA: line\n 3", 5)}},
			"athena: the query failed: HIVE_BAD_DATA: line 3", false,
		},
		"no table": {
			map[string][]answer{"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("FAILED", "TABLE_NOT_FOUND: line 1:8: Table 'x' does not exist", 0)}},
			"TABLE_NOT_FOUND", true,
		},
		"cut off by the workgroup": {
			map[string][]answer{"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded", 10)}},
			"athena: the query was stopped there: Query cancelled! : Bytes scanned limit was exceeded", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t.Context(), athenaOf(t, &fakeAthena{answers: test.answers}, AthenaConfig{Workgroup: "x"}), nobody)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || errors.Is(err, ErrNoTable) != test.noTable {
				t.Errorf("%v", err)
			}
		})
	}
}

// Ctrl-C, and --max-scan, stop the query there: it would go on, and cost.
func TestAthena_StopsTheQueryWhenTheContextEnds(t *testing.T) {
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("RUNNING", "", 1000)}, "StopQueryExecution": {{body: "{}"}},
	}}
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err := ask(ctx, athenaOf(t, f, AthenaConfig{Workgroup: "x"}), func(State) { stop(enough) })
	if !errors.Is(err, enough) || f.called("StopQueryExecution") != 1 || f.inputs["StopQueryExecution"]["QueryExecutionId"] != "q1" {
		t.Errorf("%v, calls %v", err, f.calls)
	}
}

// A query that was started while the context ended has an ID, and is stopped.
func TestAthena_StopsAQueryThatHasJustBegun(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	f := &fakeAthena{
		answers: map[string][]answer{"StartQueryExecution": {{body: started}}, "StopQueryExecution": {{body: "{}"}}},
		asked: func(operation string) {
			if operation == "StartQueryExecution" {
				interrupt()
			}
		},
	}
	_, err := ask(ctx, athenaOf(t, f, AthenaConfig{Workgroup: "x"}), nobody)
	if !errors.Is(err, context.Canceled) || f.called("StopQueryExecution") != 1 || f.called("GetQueryExecution") != 0 {
		t.Errorf("%v, calls %v", err, f.calls)
	}
}

// Who may not stop queries is told that one goes on.
func TestAthena_ReportsAQueryThatItCannotStop(t *testing.T) {
	var log strings.Builder
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("RUNNING", "", 1000)},
		"StopQueryExecution": {{http.StatusBadRequest, `{"__type":"AccessDeniedException","Message":"not authorized"}`}},
	}}
	ctx, stop := context.WithCancel(t.Context())
	_, err := ask(ctx, athenaOf(t, f, AthenaConfig{Workgroup: "x", Logger: slog.New(slog.NewTextHandler(&log, nil))}), func(State) { stop() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(log.String(), `query=q1 err="athena: AccessDeniedException: not authorized"`) {
		t.Errorf("%v, %s", err, log.String())
	}
}

func TestAthena_EndsWithTheFirstErrorOfWhoTakesRows(t *testing.T) {
	f := &fakeAthena{answers: map[string][]answer{
		"StartQueryExecution": {{body: started}}, "GetQueryExecution": {execution("SUCCEEDED", "", 0)}, "GetQueryResults": {page("more", header, fullRow)},
	}}
	enough := errors.New("enough")
	err := athenaOf(t, f, AthenaConfig{Workgroup: "x"}).Query(t.Context(), "SELECT 1", nobody, func([]sql.NullString) error { return enough })
	if !errors.Is(err, enough) || f.called("GetQueryResults") != 1 {
		t.Errorf("%v, calls %v", err, f.calls)
	}
}
