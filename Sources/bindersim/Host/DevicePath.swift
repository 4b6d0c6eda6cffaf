internal import Glibc

/// What of Binder a path names.
enum DevicePath: Equatable {
  /// A device, by its place in `names`.
  case device(Int)
  /// A file under `/dev/binderfs/features`, which says what the driver can do.
  case feature

  static let names = ["binder", "hwbinder", "vndbinder"]
  private static let features = [
    "oneway_spam_detection", "extended_error", "freeze_notification",
  ]

  /// - Parameters:
  ///   - path: as the program gave it
  ///   - directory: what a relative path starts from, a descriptor of the thread or `AT_FDCWD`
  init?(_ path: String, from directory: CInt, of thread: pid_t) {
    // Most paths are ruled out by their last letters.
    guard path.hasSuffix("binder") || Self.features.contains(where: { path.hasSuffix($0) }) else {
      return nil
    }
    var parts: [Substring] = []
    if !path.hasPrefix("/") {
      let link = directory == AT_FDCWD ? "cwd" : "fd/\(directory)"
      guard let base = Self.target(of: "/proc/\(thread)/\(link)") else { return nil }
      parts = base.split(separator: "/")
    }
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    guard parts.first == "dev" else { return nil }
    if parts.count == 4, parts[1] == "binderfs", parts[2] == "features" {
      guard Self.features.contains(String(parts[3])) else { return nil }
      self = .feature
      return
    }
    guard parts.count == 2 || (parts.count == 3 && parts[1] == "binderfs"),
      let index = Self.names.firstIndex(where: { $0 == parts[parts.count - 1] })
    else { return nil }
    self = .device(index)
  }

  private static func target(of link: String) -> String? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
      let count = unsafe readlink(link, buffer.baseAddress!, buffer.count)
      guard count > 0, count < buffer.count else { return nil }
      return unsafe String(
        decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]),
        as: UTF8.self)
    }
  }
}
