import Glibc
import Testing

@testable import bindersim

/// A command destroys no file that it reads, nor one that it writes, and takes nobody's descriptors.
@Suite(.timeLimit(.minutes(1))) struct OwnFilesTests {
  private static let capture = """
    a-1 (1) [000] .... 1.000001: binder_transaction: transaction=1 dest_node=2 dest_proc=3 \
    dest_thread=0 reply=0 flags=0x11 code=0x1
    a-1 (1) [000] .... 1.000002: binder_transaction_alloc_buf: transaction=1 data_size=8 \
    offsets_size=0 extra_buffers_size=0
    b-3 (3) [000] .... 1.000003: binder_transaction_received: transaction=1

    """

  /// However the same file is spelled.
  @Test(arguments: ["a", "./a", "link", "hard", "sub/../a"])
  func anOutputIsNotTheInput(spelling: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("a"), Self.capture)
    try #require(symlink("a", scratch.path("link")) == 0)
    try #require(link(scratch.path("a"), scratch.path("hard")) == 0)
    try #require(mkdir(scratch.path("sub"), 0o700) == 0)
    let tool = try BuiltTool.shell(
      "bindersim replay a --ftrace '\(spelling)'", in: scratch.directory)
    #expect(tool.status == 2)
    #expect(tool.errors.contains("--ftrace '\(spelling)' would overwrite the input 'a'"))
    #expect(readFile(scratch.path("a")) == Self.capture)
  }

  @Test func twoOutputsAreTwoFiles() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.shell(
      "bindersim run --deterministic -n 10 --json x --html ./x", in: scratch.directory)
    #expect(tool.status == 2)
    #expect(tool.errors.contains("--html './x' would overwrite the file of --json"))
    #expect(scratch.names == [])
  }

  @Test func aJobFileStays() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("job"), "name = mine\n")
    let tool = try BuiltTool.shell(
      "bindersim run --job job --deterministic -n 10 --json job", in: scratch.directory)
    #expect(tool.status == 2)
    #expect(readFile(scratch.path("job")) == "name = mine\n")
  }

  @Test func devicesMayRepeat() throws {
    let tool = try BuiltTool.run(
      ["run", "--deterministic", "-n", "10", "--json", "/dev/null", "--html", "/dev/null"])
    #expect(tool.status == 0, "\(tool.errors)")
  }

  /// The report goes nowhere, and least of all into a region.
  @Test(arguments: [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
  func closedStandardDescriptors(closing: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.shell(
      "bindersim run --deterministic -n 200 --json r.json \(closing); echo $? > status",
      in: scratch.directory)
    let closesOutput = closing.contains(" >&-") || closing.hasPrefix(">&-")
    #expect(readFile(scratch.path("status")) == (closesOutput ? "1\n" : "0\n"))
    if closing == ">&-" { #expect(tool.errors.contains("cannot write to standard output")) }
  }

  /// Arguments come from /proc; a namespace without it must not run the default command.
  @Test func withoutProcItSaysSo() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let hide = "mount -t tmpfs none /proc && bindersim verify --help"
    let tool = try BuiltTool.shell(
      "unshare --user --map-root-user --mount sh -c '\(hide)' || exit $?", in: scratch.directory)
    if tool.errors.contains("unshare") || tool.errors.contains("mount:") {
      print("skipped: no mount namespaces here: \(tool.errors)")
      return
    }
    #expect(tool.status == 2)
    #expect(tool.output == "")
    #expect(tool.errors.contains("cannot read its arguments"))
  }
}
