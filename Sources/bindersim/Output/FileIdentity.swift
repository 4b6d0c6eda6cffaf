internal import Glibc

/// Which file a path names, whatever the path looks like: two paths of one file are equal.
enum FileIdentity: Hashable {
  case file(device: UInt, number: UInt)
  /// Not there yet: its name in a directory that is.
  case name(String, device: UInt, directory: UInt)

  /// Nil for standard streams, devices and pipes, which nothing can overwrite, and for places that
  /// do not exist.
  init?(path: String) {
    guard path != "-" else { return nil }
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFREG else { return nil }
      self = .file(device: UInt(status.st_dev), number: UInt(status.st_ino))
      return
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, !name.isEmpty else { return nil }
    let directory = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/") + "/"
    guard unsafe stat(directory, &status) == 0 else { return nil }
    self = .name(
      String(name), device: UInt(status.st_dev), directory: UInt(status.st_ino))
  }

  /// Refuses files that would destroy each other: an output that is also an input, or another
  /// output of the same command.
  ///
  /// - Parameters:
  ///   - inputs: paths that are read.
  ///   - outputs: paths that are written, with the options that name them.
  static func requireDistinct(
    inputs: [String], outputs: [(option: String, path: String)]
  ) throws(CommandError) {
    var taken: [FileIdentity: String] = [:]
    for path in inputs {
      if let identity = FileIdentity(path: path) { taken[identity] = "the input '\(path)'" }
    }
    for (option, path) in outputs {
      guard let identity = FileIdentity(path: path) else { continue }
      if let other = taken[identity] {
        throw .usage(
          "--\(option) '\(path)' would overwrite \(other)", hint: "Give it a file of its own.")
      }
      taken[identity] = "the file of --\(option)"
    }
  }
}
