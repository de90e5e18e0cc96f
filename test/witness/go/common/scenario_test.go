// Package common leads the scenario through Tencent's SDK for Go of today, unchanged: its client for any action.
package common

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	"witness.test/steps"
)

func connect(pass steps.Pass, key steps.Key) (steps.Call, error) {
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = pass.Scheme
	settings.HttpProfile.Endpoint = pass.Endpoint
	settings.HttpProfile.ReqMethod = pass.Method
	settings.HttpProfile.ReqTimeout = 30
	client := sdk.NewCommonClient(sdk.NewTokenCredential(key.SecretId, key.SecretKey, key.Token), key.Region, settings)
	return func(action string, parameters []byte, _ bool) (map[string]any, *steps.Refusal, error) {
		request := tchttp.NewCommonRequest("clb", "2018-03-17", action)
		if err := request.SetActionParameters(parameters); err != nil {
			return nil, nil, err
		}
		response := tchttp.NewCommonResponse()
		if err := client.Send(request, response); err != nil {
			var refused *sdkerrors.TencentCloudSDKError
			if errors.As(err, &refused) && refused.RequestId != "" {
				return nil, &steps.Refusal{Code: refused.Code, Message: refused.Message, RequestId: refused.RequestId}, nil
			}
			return nil, nil, err
		}
		var body struct{ Response map[string]any }
		if err := json.Unmarshal(response.GetBody(), &body); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", response.GetBody(), err)
		}
		return body.Response, nil, nil
	}, nil
}

func TestScenario(t *testing.T) { steps.Run(t, connect) }
