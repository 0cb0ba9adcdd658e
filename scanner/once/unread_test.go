package once_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// Nobody knows whether an object that cannot be looked at holds requests, so it is unread.
func TestRun_WhatCannotBeLookedAtIsUnread(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	denied := &source.Error{Op: "open", Key: "a", Reason: source.ReasonAccessDenied, Err: errors.New("no right to the key")}
	for name, last := range map[string]int{"for ever": math.MaxInt, "once": 1} {
		t.Run(name, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			fake.Put(logtest.SimpleKey(at, "A"), logtest.AccessLog(at, "r1"), at)
			fake.Put("json/2026/07/02/08/a", logtest.AccessJSON(at, "r2"), at)
			failed := 0
			fake.SetFault(func(op, key string) error {
				if op == sourcetest.OpOpen && strings.HasPrefix(key, "json/") && failed < last {
					failed++
					return denied
				}
				return nil
			})
			c := new(collected)
			summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
			if err != nil || len(summary.SkippedObjects) > 0 {
				t.Errorf("%+v, error %v", summary, err)
			}
			switch unread := len(summary.Unread); {
			case last == 1 && (unread > 0 || len(c.records) != 2):
				t.Errorf("%d requests, %d objects unread", len(c.records), unread)
			case last > 1 && (unread != 1 || summary.Unread[0].Reason != source.ReasonAccessDenied || len(c.records) != 1):
				t.Errorf("%d requests, %d objects unread: %v", len(c.records), unread, summary.Unread)
			}
		})
	}
}
