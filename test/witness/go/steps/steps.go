// Package steps leads the scenario through whatever makes its calls.
package steps

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const patience = time.Minute

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	name = regexp.MustCompile(`<(\w+)>`)
)

// Key is an access key of the account, or one that is not quite.
type Key struct {
	SecretId  string `json:"secretId"`
	SecretKey string `json:"secretKey"`
	Token     string `json:"token"`
	Region    string `json:"region"`
}

// Pattern is a code, and what is found in the message.
type Pattern struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Step is one call; test/witness/scenario/step.ts says what its members mean.
type Step struct {
	Name       string            `json:"name"`
	Action     string            `json:"action"`
	Parameters map[string]any    `json:"parameters"`
	As         string            `json:"as"`
	Raw        bool              `json:"raw"`
	Answer     map[string]any    `json:"answer"`
	Error      *Pattern          `json:"error"`
	Repeat     int               `json:"repeat"`
	Capture    map[string]string `json:"capture"`
	Task       bool              `json:"task"`
	Until      bool              `json:"until"`
}

// Pass is the steps over one way to reach the API.
type Pass struct {
	Name     string `json:"name"`
	Scheme   string `json:"scheme"`
	Method   string `json:"method"`
	Endpoint string `json:"endpoint"`
	Steps    []Step `json:"steps"`
}

type work struct {
	Passes     []Pass            `json:"passes"`
	Later      []Pattern         `json:"later"`
	Keys       map[string]Key    `json:"keys"`
	Region     string            `json:"region"`
	Given      map[string]string `json:"given"`
	ReportFile string            `json:"reportFile"`
}

// Refusal is an error that the API decided on.
type Refusal struct{ Code, Message, RequestId string }

// Call makes one call. It returns the members of Response, a refusal, or an error that is neither.
type Call func(action string, parameters []byte, raw bool) (map[string]any, *Refusal, error)

// Connect makes what calls with one key over one way.
type Connect func(pass Pass, key Key) (Call, error)

// Run leads all steps; the first one that does not hold ends the test.
func Run(t *testing.T, connect Connect) {
	content, err := os.ReadFile(os.Getenv("WITNESS_WORK"))
	if err != nil {
		t.Fatalf("WITNESS_WORK: %v; run `npm run witness`", err)
	}
	var given work
	if err := json.Unmarshal(content, &given); err != nil {
		t.Fatal(err)
	}
	report, err := os.OpenFile(given.ReportFile, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	for _, pass := range given.Passes {
		known := map[string]any{}
		for key, value := range given.Given {
			known[key] = value
		}
		known["run"] = given.Given["run"] + "-" + pass.Name
		calls := map[string]Call{}
		for _, step := range pass.Steps {
			held := t.Run(pass.Name+"/"+step.Name, func(t *testing.T) {
				call, err := callOf(calls, connect, pass, step, given)
				if err != nil {
					t.Fatal(err)
				}
				if err := lead(client{call, given.Later}, step, known); err != nil {
					t.Fatalf("%s: %v", step.Action, err)
				}
				line, _ := json.Marshal(map[string]string{"pass": pass.Name, "step": step.Name})
				if _, err := report.Write(append(line, '\n')); err != nil {
					t.Fatal(err)
				}
			})
			if !held {
				t.FailNow()
			}
		}
	}
}

func callOf(calls map[string]Call, connect Connect, pass Pass, step Step, given work) (Call, error) {
	as := step.As
	if as == "" {
		as = "main"
	}
	if call, found := calls[as]; found {
		return call, nil
	}
	key, found := given.Keys[as]
	if !found {
		return nil, fmt.Errorf("there is no key %s", as)
	}
	if key.Region == "" {
		key.Region = given.Region
	}
	call, err := connect(pass, key)
	calls[as] = call
	return call, err
}

// client makes calls, and knows the refusals that say no more than "later".
type client struct {
	call  Call
	later []Pattern
}

// persist asks again after such a refusal, unless it is the one that is wanted.
func (c client) persist(action string, parameters []byte, raw bool, until time.Time, isWanted func(*Refusal) bool) (map[string]any, *Refusal, error) {
	for {
		answer, refusal, err := c.call(action, parameters, raw)
		if err != nil || refusal == nil {
			return answer, nil, err
		}
		if !uuid.MatchString(refusal.RequestId) {
			return nil, nil, fmt.Errorf("the refusal has no RequestId: %+v", refusal)
		}
		isLater := slices.ContainsFunc(c.later, func(one Pattern) bool { return one.matches(refusal) })
		if !isLater || isWanted(refusal) {
			return nil, refusal, nil
		}
		if time.Now().After(until) {
			return nil, nil, fmt.Errorf("still refused: %s %s", refusal.Code, refusal.Message)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func lead(client client, step Step, known map[string]any) error {
	until := time.Now().Add(patience)
	filledIn, err := filled(step.Parameters, known)
	if err != nil {
		return err
	}
	parameters, err := json.Marshal(filledIn)
	if err != nil {
		return err
	}
	if step.Parameters == nil {
		parameters = []byte("{}")
	}
	for accepted := 0; ; {
		isMet := func(refusal *Refusal) bool {
			return step.Error != nil && step.Error.matches(refusal) && (step.Repeat == 0 || accepted > 0)
		}
		isWanted := func(refusal *Refusal) bool { return step.Repeat > 0 && isMet(refusal) }
		answer, refusal, err := client.persist(step.Action, parameters, step.Raw, until, isWanted)
		if err != nil {
			return err
		}
		if refusal != nil {
			if isMet(refusal) {
				return nil
			}
			return fmt.Errorf("refused with %s: %s", refusal.Code, refusal.Message)
		}
		if id, _ := answer["RequestId"].(string); !uuid.MatchString(id) {
			return fmt.Errorf("RequestId is %v", answer["RequestId"])
		}
		if step.Error != nil {
			if accepted++; accepted < step.Repeat {
				continue
			}
			return fmt.Errorf("not refused with %s: %v", step.Error.Code, answer)
		}
		if err := mismatch(step, answer, known); err != nil {
			if !step.Until || time.Now().After(until) {
				return err
			}
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for name, path := range step.Capture {
			known[name] = at(answer, path)
		}
		if !step.Task {
			return nil
		}
		return taskEnds(client, answer["RequestId"], until)
	}
}

func (p Pattern) matches(refusal *Refusal) bool {
	return p.Code == refusal.Code && regexp.MustCompile(p.Message).MatchString(refusal.Message)
}

func mismatch(step Step, answer, known map[string]any) error {
	for path, wanted := range step.Answer {
		expected, err := filled(wanted, known)
		if err != nil {
			return err
		}
		if value := at(answer, path); !holds(value, expected) {
			return fmt.Errorf("%s is %v, not %v", path, value, expected)
		}
	}
	return nil
}

func taskEnds(client client, taskId any, until time.Time) error {
	parameters, err := json.Marshal(map[string]any{"TaskId": taskId})
	if err != nil {
		return err
	}
	for {
		answer, refusal, err := client.persist("DescribeTaskStatus", parameters, false, until, func(*Refusal) bool { return false })
		if err != nil {
			return err
		}
		if refusal != nil {
			return fmt.Errorf("its task: %s %s", refusal.Code, refusal.Message)
		}
		switch status, isNumber := answer["Status"].(float64); {
		case !isNumber || (status != 0 && status != 2):
			return fmt.Errorf("its task: %v", answer)
		case status == 0:
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("its task did not end")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func at(answer any, path string) any {
	value := answer
	for _, name := range strings.Split(path, ".") {
		switch inner := value.(type) {
		case []any:
			index, err := strconv.Atoi(name)
			if err != nil || index >= len(inner) {
				return nil
			}
			value = inner[index]
		case map[string]any:
			value = inner[name]
		default:
			return nil
		}
	}
	return value
}

func filled(value any, known map[string]any) (any, error) {
	switch inner := value.(type) {
	case string:
		if found := name.FindStringSubmatch(inner); found != nil && found[0] == inner {
			if known[found[1]] == nil {
				return nil, fmt.Errorf("nothing was captured as %s", found[1])
			}
			return known[found[1]], nil
		}
		return name.ReplaceAllStringFunc(inner, func(found string) string {
			return fmt.Sprint(known[found[1:len(found)-1]])
		}), nil
	case []any:
		list := make([]any, len(inner))
		for index, item := range inner {
			one, err := filled(item, known)
			if err != nil {
				return nil, err
			}
			list[index] = one
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(inner))
		for key, member := range inner {
			one, err := filled(member, known)
			if err != nil {
				return nil, err
			}
			object[key] = one
		}
		return object, nil
	}
	return value, nil
}

func holds(value, expected any) bool {
	switch wanted := expected.(type) {
	case map[string]any:
		if pattern, isPattern := wanted["$match"].(string); isPattern {
			text, isText := value.(string)
			return isText && regexp.MustCompile(pattern).MatchString(text)
		}
		list, isList := value.([]any)
		return isList && float64(len(list)) == wanted["$length"]
	case []any:
		list, isList := value.([]any)
		if !isList || len(list) != len(wanted) {
			return false
		}
		for index, one := range wanted {
			if !holds(list[index], one) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(value, expected)
}
