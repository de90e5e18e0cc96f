// Node's own, in place of the package that stands in for it in old versions.
module.exports = { URL, URLSearchParams };
