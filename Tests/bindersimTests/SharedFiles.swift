import Foundation
import Testing

/// Captures and recordings that are not part of the package: under BINDERBUFFER_SHARED, or beside
/// the package. Tests that need them are skipped where they are not.
enum SharedFiles {
  /// The folder of Package.swift.
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let root: String = {
    if let path = ProcessInfo.processInfo.environment["BINDERBUFFER_SHARED"] { return path }
    return package.appendingPathComponent("../shared").standardizedFileURL.path
  }()

  static func files(in folder: String, suffix: String) -> [String] {
    let path = root + "/" + folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
  }

  static var captures: [String] { files(in: "traces", suffix: ".ftrace") }
  static var recordings: [String] { files(in: "oracle", suffix: ".trace") }

  static let absent: Comment = "no captures or recordings; set BINDERBUFFER_SHARED to their folder"
}
