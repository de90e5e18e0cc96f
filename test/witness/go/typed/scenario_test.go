// Package typed leads the scenario through Tencent's SDK for Go, unchanged: its typed client of CLB.
package typed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"testing"

	clb "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/clb/v20180317"
	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	"witness.test/steps"
)

// bodies keeps the bodies that pass through the SDK's transport as they are, to hold the models against them.
type bodies struct{ sent, answered []byte }

func (b *bodies) RoundTrip(request *http.Request) (*http.Response, error) {
	var err error
	if b.sent, err = io.ReadAll(request.Body); err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(b.sent))
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	b.answered, err = io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(b.answered))
	return response, err
}

// anyRequest has parameters that no request of the SDK has.
type anyRequest struct {
	*tchttp.BaseRequest
	parameters []byte
}

func (r *anyRequest) MarshalJSON() ([]byte, error) { return r.parameters, nil }

type anyResponse struct{ *tchttp.BaseResponse }

func (r *anyResponse) UnmarshalJSON([]byte) error { return nil }

type jsonStrings interface {
	FromJsonString(string) error
	ToJsonString() string
}

type caller struct {
	client *clb.Client
	method string
	bodies *bodies
}

func connect(pass steps.Pass, key steps.Key) (steps.Call, error) {
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = pass.Scheme
	settings.HttpProfile.Endpoint = pass.Endpoint
	settings.HttpProfile.ReqMethod = pass.Method
	settings.HttpProfile.ReqTimeout = 30
	client, err := clb.NewClient(sdk.NewTokenCredential(key.SecretId, key.SecretKey, key.Token), key.Region, settings)
	if err != nil {
		return nil, err
	}
	kept := &bodies{}
	client.WithHttpTransport(kept)
	return (&caller{client, pass.Method, kept}).call, nil
}

func (c *caller) call(action string, parameters []byte, raw bool) (map[string]any, *steps.Refusal, error) {
	send := c.typed
	if raw {
		send = c.untyped
	}
	if err := send(action, parameters); err != nil {
		var refused *sdkerrors.TencentCloudSDKError
		if errors.As(err, &refused) && refused.RequestId != "" {
			return nil, &steps.Refusal{Code: refused.Code, Message: refused.Message, RequestId: refused.RequestId}, nil
		}
		return nil, nil, err
	}
	answer, err := responseOf(c.bodies.answered)
	return answer, nil, err
}

func (c *caller) untyped(action string, parameters []byte) error {
	request := &anyRequest{BaseRequest: &tchttp.BaseRequest{}, parameters: parameters}
	request.Init().WithApiInfo("clb", clb.APIVersion, action)
	return c.client.Send(request, &anyResponse{&tchttp.BaseResponse{}})
}

// typed finds the method of the client by its name, as a program would write it. What the request's model does not
// know is an error of the SDK; what the answer's model takes for another type is one too, and it must lose nothing.
func (c *caller) typed(action string, parameters []byte) error {
	method := reflect.ValueOf(c.client).MethodByName(action)
	if !method.IsValid() {
		return fmt.Errorf("the SDK has no method %s", action)
	}
	request := reflect.ValueOf(newRequest(action))
	if !request.IsValid() {
		return fmt.Errorf("newRequest does not know %s", action)
	}
	model, isModel := request.Interface().(jsonStrings)
	if !isModel {
		return fmt.Errorf("%T is no request", request.Interface())
	}
	if err := model.FromJsonString(string(parameters)); err != nil {
		return err
	}
	results := method.Call([]reflect.Value{request})
	if err, failed := results[1].Interface().(error); failed {
		return err
	}
	if c.method == http.MethodPost && !same(parameters, c.bodies.sent) {
		return fmt.Errorf("%s was sent as %s", parameters, c.bodies.sent)
	}
	answer, isAnswer := results[0].Interface().(jsonStrings)
	if !isAnswer {
		return fmt.Errorf("%T is no answer", results[0].Interface())
	}
	said, err := responseOf(c.bodies.answered)
	if err != nil {
		return err
	}
	read, err := responseOf([]byte(answer.ToJsonString()))
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(withoutNothing(read), withoutNothing(said)) {
		return fmt.Errorf("%s was read as %v, not %v", action, read, said)
	}
	return nil
}

func responseOf(body []byte) (map[string]any, error) {
	var answer struct{ Response map[string]any }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	if answer.Response == nil {
		return nil, fmt.Errorf("%s has no Response", body)
	}
	return answer.Response, nil
}

func same(one, other []byte) bool {
	var first, second any
	return json.Unmarshal(one, &first) == nil && json.Unmarshal(other, &second) == nil && reflect.DeepEqual(first, second)
}

// withoutNothing leaves out what a model leaves out when it is written: members that are null or an empty list.
func withoutNothing(value any) any {
	switch inner := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for key, member := range inner {
			if list, isList := member.([]any); member == nil || (isList && len(list) == 0) {
				continue
			}
			object[key] = withoutNothing(member)
		}
		return object
	case []any:
		list := make([]any, len(inner))
		for index, item := range inner {
			list[index] = withoutNothing(item)
		}
		return list
	}
	return value
}

func newRequest(action string) any {
	switch action {
	case "BatchDeregisterTargets":
		return clb.NewBatchDeregisterTargetsRequest()
	case "BatchModifyTargetTag":
		return clb.NewBatchModifyTargetTagRequest()
	case "BatchModifyTargetWeight":
		return clb.NewBatchModifyTargetWeightRequest()
	case "BatchRegisterTargets":
		return clb.NewBatchRegisterTargetsRequest()
	case "CreateListener":
		return clb.NewCreateListenerRequest()
	case "CreateLoadBalancer":
		return clb.NewCreateLoadBalancerRequest()
	case "CreateRule":
		return clb.NewCreateRuleRequest()
	case "DeleteListener":
		return clb.NewDeleteListenerRequest()
	case "DeleteLoadBalancer":
		return clb.NewDeleteLoadBalancerRequest()
	case "DeleteLoadBalancerListeners":
		return clb.NewDeleteLoadBalancerListenersRequest()
	case "DeleteRule":
		return clb.NewDeleteRuleRequest()
	case "DeregisterTargets":
		return clb.NewDeregisterTargetsRequest()
	case "DescribeLBListeners":
		return clb.NewDescribeLBListenersRequest()
	case "DescribeListeners":
		return clb.NewDescribeListenersRequest()
	case "DescribeLoadBalancers":
		return clb.NewDescribeLoadBalancersRequest()
	case "DescribeQuota":
		return clb.NewDescribeQuotaRequest()
	case "DescribeTargetHealth":
		return clb.NewDescribeTargetHealthRequest()
	case "DescribeTargets":
		return clb.NewDescribeTargetsRequest()
	case "DescribeTaskStatus":
		return clb.NewDescribeTaskStatusRequest()
	case "ModifyDomain":
		return clb.NewModifyDomainRequest()
	case "ModifyDomainAttributes":
		return clb.NewModifyDomainAttributesRequest()
	case "ModifyListener":
		return clb.NewModifyListenerRequest()
	case "ModifyLoadBalancerAttributes":
		return clb.NewModifyLoadBalancerAttributesRequest()
	case "ModifyRule":
		return clb.NewModifyRuleRequest()
	case "ModifyTargetPort":
		return clb.NewModifyTargetPortRequest()
	case "ModifyTargetWeight":
		return clb.NewModifyTargetWeightRequest()
	case "RegisterTargets":
		return clb.NewRegisterTargetsRequest()
	case "ReplaceCertForLoadBalancers":
		return clb.NewReplaceCertForLoadBalancersRequest()
	case "SetLoadBalancerSecurityGroups":
		return clb.NewSetLoadBalancerSecurityGroupsRequest()
	case "SetLoadBalancerStartStatus":
		return clb.NewSetLoadBalancerStartStatusRequest()
	case "SetSecurityGroupForLoadbalancers":
		return clb.NewSetSecurityGroupForLoadbalancersRequest()
	}
	return nil
}

func TestScenario(t *testing.T) { steps.Run(t, connect) }
