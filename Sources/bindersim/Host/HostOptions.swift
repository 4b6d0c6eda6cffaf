internal import BinderBuffer

/// How a host was asked to work.
struct HostOptions {
  var driver: DriverOptions
  /// A program maps at most so many bytes of region.
  var region: Int
  var name: String?
  var securityContext: [UInt8]?
  var isServiceManager = false
}
