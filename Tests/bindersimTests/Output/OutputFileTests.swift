import Glibc
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct OutputFileTests {
  @Test func appearsWholeAndOnlyAtTheEnd() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let file = try OutputFile(path: scratch.path("result"))
    #expect(readFile(scratch.path("result")) == nil)
    try file.commit("whole\n")
    #expect(readFile(scratch.path("result")) == "whole\n")
    #expect(scratch.names == ["result"])
  }

  @Test func leavesNothingBehindWhenItIsDropped() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("result"), "old")
    do {
      let file = try OutputFile(path: scratch.path("result"))
      #expect(scratch.names.count == 2)
      _ = consume file
    }
    #expect(scratch.names == ["result"])
    #expect(readFile(scratch.path("result")) == "old")
  }

  @Test func replacesTheFileBehindALinkAndKeepsItsMode() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("real"), "old")
    unsafe chmod(scratch.path("real"), 0o640)
    unsafe symlink("real", scratch.path("link"))
    try OutputFile(path: scratch.path("link")).commit("new")
    #expect(readFile(scratch.path("real")) == "new")
    #expect(scratch.names == ["link", "real"])
    var status = stat()
    unsafe lstat(scratch.path("link"), &status)
    #expect(status.st_mode & S_IFMT == S_IFLNK)
    unsafe stat(scratch.path("real"), &status)
    #expect(status.st_mode & 0o777 == 0o640)
  }

  @Test func devicesAreWrittenAndNotReplaced() throws {
    try OutputFile(path: "/dev/null").commit("gone")
    var status = stat()
    unsafe stat("/dev/null", &status)
    #expect(status.st_mode & S_IFMT == S_IFCHR)
    #expect(throws: CommandError.failure("cannot write '/dev/full': No space left on device")) {
      try OutputFile(path: "/dev/full").commit("text")
    }
  }

  @Test func aPlaceThatCannotBeWrittenIsKnownAtOnce() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    #expect(throws: CommandError.failure("cannot write '/': Is a directory")) {
      _ = try OutputFile(path: "/")
    }
    let missing = scratch.path("missing/result")
    #expect(throws: CommandError.failure("cannot write '\(missing)': No such file or directory")) {
      _ = try OutputFile(path: missing)
    }
  }
}
