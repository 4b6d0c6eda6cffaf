import Foundation

@testable import bindersim

/// What people hold in their hands, rebuilt small: the inputs of the case tests.
enum CaseFiles {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/Cases/\(name)").path
  }

  /// What `bindersim explain` makes of the files.
  static func explained(_ names: [String]) throws -> Explanation {
    try explained(paths: names.map(path))
  }

  static func explained(paths: [String], kernel: String? = nil) throws -> Explanation {
    var options = ReplayOptions(path: "")
    options.adaptsRegions = true
    options.kernel = kernel
    return Explanation(try Evidence(paths, options), options)
  }

  /// What it makes of one text.
  static func explained(text: String, name: String = "log.txt") throws -> Explanation {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path(name), text)
    return try explained(paths: [scratch.path(name)])
  }

  /// What `bindersim replay` makes of a capture, without any option.
  static func replayed(_ name: String) throws -> ReplayReport {
    try replayed(path: path(name))
  }

  static func replayed(path: String) throws -> ReplayReport {
    var options = ReplayOptions(path: path)
    options.adaptsRegions = true
    return try runReplay(options, shouldStop: { false })
  }

  static func replayed(text: String, name: String = "capture.ftrace") throws -> ReplayReport {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path(name), text)
    return try replayed(path: scratch.path(name))
  }
}

extension Explanation {
  func answer(_ question: String) -> String {
    answers.first { $0.question == question }?.answer ?? ""
  }
}
