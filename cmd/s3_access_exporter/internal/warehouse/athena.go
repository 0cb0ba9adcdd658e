package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/smithy-go"

	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

// AthenaConfig is how Athena is reached.
type AthenaConfig struct {
	Workgroup, Catalog, Database string
	// OutputLocation is where results go; empty: the workgroup names it. A workgroup that
	// enforces its settings goes before.
	OutputLocation      string
	Region, EndpointURL string // empty: as the SDK's environment has them
	RoleARN, ExternalID string // to assume; empty: none
	Logger              *slog.Logger
}

// AthenaClient is the Client of Amazon Athena.
type AthenaClient struct {
	cfg AthenaConfig
	api *athena.Client
	// pause is between two looks at a query.
	pause time.Duration
}

var _ Client = (*AthenaClient)(nil)

// NewAthenaClient returns a client. It reads the SDK's configuration, and sends no request.
func NewAthenaClient(ctx context.Context, cfg AthenaConfig) (*AthenaClient, error) {
	sdk, err := s3source.LoadSDK(ctx, s3source.Config{Region: cfg.Region, RoleARN: cfg.RoleARN, ExternalID: cfg.ExternalID})
	if err != nil {
		return nil, err
	}
	if sdk.Region == "" {
		return nil, errors.New("athena: no Region: name it with --athena.region or AWS_REGION")
	}
	return newAthenaClient(sdk, cfg), nil
}

func newAthenaClient(sdk aws.Config, cfg AthenaConfig) *AthenaClient {
	const attempts, longest = 8, 20 * time.Second
	api := athena.NewFromConfig(sdk, func(o *athena.Options) {
		if cfg.EndpointURL != "" {
			o.BaseEndpoint = aws.String(cfg.EndpointURL)
		}
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, longest })
	})
	return &AthenaClient{cfg: cfg, api: api, pause: time.Second}
}

// Query implements Client. Results are never those of an earlier query.
func (c *AthenaClient) Query(ctx context.Context, text string, progress func(State), take func(row []sql.NullString) error) error {
	started, err := c.start(ctx, &athena.StartQueryExecutionInput{
		QueryString:           aws.String(text),
		WorkGroup:             aws.String(c.cfg.Workgroup),
		QueryExecutionContext: &types.QueryExecutionContext{Catalog: aws.String(c.cfg.Catalog), Database: aws.String(c.cfg.Database)},
		ResultConfiguration:   c.results(),
	})
	if err != nil {
		return athenaError(ctx, err)
	}
	id := aws.ToString(started.QueryExecutionId)
	if ctx.Err() != nil {
		c.stop(ctx, id)
		return context.Cause(ctx)
	}
	if err := c.wait(ctx, id, progress); err != nil {
		return err
	}
	return c.read(ctx, id, take)
}

// start starts a query. If ctx ends meanwhile, it waits some seconds for the answer: a query
// that nobody knows the ID of would go on.
func (c *AthenaClient) start(ctx context.Context, in *athena.StartQueryExecutionInput) (*athena.StartQueryExecutionOutput, error) {
	const patience = 5 * time.Second
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(patience, giveUp) })()
	return c.api.StartQueryExecution(patient, in)
}

func (c *AthenaClient) results() *types.ResultConfiguration {
	if c.cfg.OutputLocation == "" {
		return nil
	}
	return &types.ResultConfiguration{OutputLocation: aws.String(c.cfg.OutputLocation)}
}

// wait waits for the end of a query. If ctx ends before, or the query cannot be looked at
// any more, it is stopped.
func (c *AthenaClient) wait(ctx context.Context, id string, progress func(State)) error {
	for {
		out, err := c.api.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: aws.String(id)})
		if err != nil {
			c.stop(ctx, id)
			return athenaError(ctx, err)
		}
		execution := out.QueryExecution
		if execution == nil || execution.Status == nil {
			c.stop(ctx, id)
			return errors.New("athena: an answer without the state of the query")
		}
		state := State{Text: string(execution.Status.State)}
		if s := execution.Statistics; s != nil {
			state.Bytes = aws.ToInt64(s.DataScannedInBytes)
		}
		progress(state)
		switch execution.Status.State {
		case types.QueryExecutionStateSucceeded:
			return nil
		case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
			return failure(execution.Status)
		}
		select {
		case <-time.After(c.pause):
		case <-ctx.Done():
			c.stop(ctx, id)
			return context.Cause(ctx)
		}
	}
}

// stop stops a query, so that it scans no more. It takes some seconds at most.
func (c *AthenaClient) stop(ctx context.Context, id string) {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := c.api.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: aws.String(id)}); err != nil {
		c.cfg.Logger.Error("the query could not be stopped, and goes on at Athena", "query", id, "err", athenaError(ctx, err))
	}
}

// read hands on the rows of a result. The first one of its first page is the names of
// columns.
func (c *AthenaClient) read(ctx context.Context, id string, take func(row []sql.NullString) error) error {
	pages := athena.NewGetQueryResultsPaginator(c.api, &athena.GetQueryResultsInput{QueryExecutionId: aws.String(id)})
	var row []sql.NullString
	for first := true; pages.HasMorePages(); first = false {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return athenaError(ctx, err)
		}
		if page.ResultSet == nil {
			return errors.New("athena: a page of a result without rows")
		}
		rows := page.ResultSet.Rows
		if first && len(rows) > 0 {
			rows = rows[1:]
		}
		for _, r := range rows {
			row = row[:0]
			for _, datum := range r.Data { // NULL has no text, and what is empty has an empty one
				row = append(row, sql.NullString{String: aws.ToString(datum.VarCharValue), Valid: datum.VarCharValue != nil})
			}
			if err := take(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// failure returns why a query has failed.
func failure(status *types.QueryExecutionStatus) error {
	reason := oneLine(aws.ToString(status.StateChangeReason))
	if reason == "" && status.AthenaError != nil {
		reason = oneLine(aws.ToString(status.AthenaError.ErrorMessage))
	}
	if isNoTable(reason) {
		return fmt.Errorf("athena: %w: %s", ErrNoTable, reason)
	}
	if status.State == types.QueryExecutionStateCancelled {
		return fmt.Errorf("athena: the query was stopped there: %s", reason)
	}
	return fmt.Errorf("athena: the query failed: %s", reason)
}

// athenaError returns the reason of a request's failure, in one line.
func athenaError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failed smithy.APIError
	if errors.As(err, &failed) {
		return fmt.Errorf("athena: %s: %s", failed.ErrorCode(), oneLine(failed.ErrorMessage()))
	}
	return fmt.Errorf("athena: %s", oneLine(err.Error()))
}
