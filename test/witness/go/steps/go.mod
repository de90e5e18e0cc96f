module witness.test/steps

go 1.24
