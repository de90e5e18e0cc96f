module witness.test/common

go 1.24

require (
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.211
	witness.test/steps v0.0.0
)

replace witness.test/steps => ../steps
