package logtest

import (
	"encoding/json"
	"fmt"
	"time"
)

// ControlMessage is what CloudWatch Logs sends to see whether the way is open.
const ControlMessage = `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],` +
	`"logEvents":[{"id":"","timestamp":1782980142318,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`

// Envelope returns messages of one log group, which account 111122223333 owns, as a
// subscription filter of CloudWatch Logs sends them.
func Envelope(messages ...[]byte) []byte {
	type event struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := []event{}
	for i, m := range messages {
		events = append(events, event{fmt.Sprint(i), 1782980142318, string(m)})
	}
	out, _ := json.Marshal(struct { // of text, it does not fail
		MessageType         string   `json:"messageType"`
		Owner               string   `json:"owner"`
		LogGroup            string   `json:"logGroup"`
		LogStream           string   `json:"logStream"`
		SubscriptionFilters []string `json:"subscriptionFilters"`
		LogEvents           []event  `json:"logEvents"`
	}{"DATA_MESSAGE", "111122223333", "/aws/vendedlogs/s3/shop", "x", []string{"f"}, events})
	return out
}

// ExportLines returns messages as an export task of CloudWatch Logs writes them.
func ExportLines(messages ...[]byte) (lines []byte) {
	at := time.Date(2026, 7, 2, 8, 15, 42, 318e6, time.UTC)
	for _, m := range messages {
		lines = fmt.Appendf(lines, "%s %s\n", at.Format("2006-01-02T15:04:05.000Z"), m)
	}
	return lines
}
