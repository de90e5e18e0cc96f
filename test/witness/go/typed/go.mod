module witness.test/typed

go 1.24

require (
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/clb v1.3.156
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.156
	witness.test/steps v0.0.0
)

replace witness.test/steps => ../steps
