module witness.test/typed

go 1.24

require (
	github.com/tencentcloud/tencentcloud-sdk-go v1.0.162
	witness.test/steps v0.0.0
)

replace witness.test/steps => ../steps
