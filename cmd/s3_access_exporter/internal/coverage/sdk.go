package coverage

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

// sessionName is how the calls in other accounts show up in CloudTrail.
const sessionName = "s3_access_exporter"

// Access says how AWS is reached, and as whom.
type Access struct {
	// SDK is the set-up that reading logs has, too: Region and role count here.
	SDK s3source.Config
	// Role is the name of the role that is assumed in each account of the organization;
	// empty: only the account of the credentials is looked at.
	Role string
}

// Accounts returns the accounts that can be looked at.
func Accounts(ctx context.Context, access Access) ([]Account, error) {
	sdk, err := s3source.LoadSDK(ctx, access.SDK)
	if err != nil {
		return nil, err
	}
	if endpoint := access.SDK.EndpointURL; endpoint != "" {
		sdk.BaseEndpoint = aws.String(endpoint)
	}
	own, err := own(ctx, sdk, access.SDK.PathStyle)
	if err != nil {
		return nil, err
	}
	if access.Role == "" {
		return []Account{own}, nil
	}
	return organization(ctx, sdk, access.SDK.PathStyle, own, access.Role)
}

// own returns the account of the credentials in the SDK's configuration.
func own(ctx context.Context, sdk aws.Config, pathStyle bool) (Account, error) {
	caller, err := sts.NewFromConfig(sdk).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Account{}, fmt.Errorf("whose credentials these are cannot be found out: %s", reason(err, "sts:GetCallerIdentity"))
	}
	identity, err := arn.Parse(aws.ToString(caller.Arn))
	if err != nil {
		return Account{}, fmt.Errorf("the caller's ARN %q: %w", aws.ToString(caller.Arn), err)
	}
	return account(sdk, pathStyle, aws.ToString(caller.Account), identity.Partition), nil
}

// organization returns the accounts of the organization that own belongs to, in each
// of which the role with that name is assumed when it is looked at first. It needs
// the management account, or a delegated administrator. Accounts that are not active
// answer nothing, and so their buckets are unknown.
func organization(ctx context.Context, sdk aws.Config, pathStyle bool, own Account, role string) ([]Account, error) {
	var accounts []Account
	asking := sts.NewFromConfig(sdk)
	pages := organizations.NewListAccountsPaginator(organizations.NewFromConfig(sdk), &organizations.ListAccountsInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("the organization's accounts cannot be listed: %s", reason(err, "organizations:ListAccounts"))
		}
		for _, member := range out.Accounts {
			id := aws.ToString(member.Id)
			switch {
			case id == own.ID:
				accounts = append(accounts, own)
			case member.Status != types.AccountStatusActive:
				accounts = append(accounts, Account{
					ID: id, Partition: own.Partition,
					Unknown: "the account is " + strings.ToLower(string(member.Status)),
				})
			default:
				inside := sdk.Copy()
				inside.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(asking,
					"arn:"+own.Partition+":iam::"+id+":role/"+role,
					func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = sessionName }))
				accounts = append(accounts, account(inside, pathStyle, id, own.Partition))
			}
		}
	}
	return accounts, nil
}

// account returns an account whose clients are made once for each Region.
func account(sdk aws.Config, pathStyle bool, id, partition string) Account {
	s3s := clients[S3]{made: func(region string) S3 {
		return s3.NewFromConfig(sdk, func(o *s3.Options) { o.Region, o.UsePathStyle = region, pathStyle })
	}}
	trails := clients[CloudTrail]{made: func(region string) CloudTrail {
		return cloudtrail.NewFromConfig(sdk, func(o *cloudtrail.Options) { o.Region = region })
	}}
	logs := clients[Logs]{made: func(region string) Logs {
		return cloudwatchlogs.NewFromConfig(sdk, func(o *cloudwatchlogs.Options) { o.Region = region })
	}}
	return Account{ID: id, Partition: partition, Home: home(partition, sdk.Region), S3: s3s.of, CloudTrail: trails.of, Logs: logs.of}
}

// home returns a Region that answers for a whole partition.
func home(partition, region string) string {
	switch partition {
	case "aws":
		return "us-east-1"
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return region // of a partition that came later
}

// clients makes a client for each Region, once: a client measures by itself how many
// calls it may send.
type clients[T any] struct {
	made func(region string) T

	mu       sync.Mutex
	byRegion map[string]T // guarded by mu
}

func (c *clients[T]) of(region string) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.byRegion[region]
	if !ok {
		client = c.made(region)
		if c.byRegion == nil {
			c.byRegion = make(map[string]T)
		}
		c.byRegion[region] = client
	}
	return client
}
