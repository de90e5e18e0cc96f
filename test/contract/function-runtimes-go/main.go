// A function on AWS's own runtime client for Go: it tells in its answers what the client made of the Runtime API.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Text  string `json:"text"`
	Fail  string `json:"fail"`
	Panic string `json:"panic"`
}

type seen struct {
	Text          string            `json:"text"`
	RequestID     string            `json:"requestId"`
	Arn           string            `json:"arn"`
	FunctionName  string            `json:"functionName"`
	MemoryMb      int               `json:"memoryMb"`
	RemainingMs   int64             `json:"remainingMs"`
	ClientContext map[string]string `json:"clientContext"`
}

func handle(ctx context.Context, e event) (*seen, error) {
	if e.Panic != "" {
		panic(e.Panic)
	}
	if e.Fail != "" {
		return nil, errors.New(e.Fail)
	}
	known, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return nil, errors.New("no context of Lambda")
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil, errors.New("no deadline")
	}
	return &seen{
		Text:          e.Text,
		RequestID:     known.AwsRequestID,
		Arn:           known.InvokedFunctionArn,
		FunctionName:  lambdacontext.FunctionName,
		MemoryMb:      lambdacontext.MemoryLimitInMB,
		RemainingMs:   time.Until(deadline).Milliseconds(),
		ClientContext: known.ClientContext.Custom,
	}, nil
}

func main() {
	lambda.Start(handle)
}
