import Testing

@testable import bindersim

/// Which of a process's regions a buffer belongs to.
@Suite(.timeLimit(.minutes(1))) struct ContextTests {
  @Test(
    arguments: [
      ("HwBinder:800_1", .hwbinder), ("hwservicemanage", .hwbinder), ("/dev/hwbinder#", .hwbinder),
      ("Binder:1537_1", .binder), ("binder:1537_2", .binder), ("Binder_1", .binder),
      ("servicemanager", .binder), ("vndservicemanag", .vndbinder), ("vndbinder:7_1", .vndbinder),
      ("RenderThread", nil), ("<...>", nil), ("", nil),
    ] as [(String, BinderContext?)])
  func threadNames(name: String, context: BinderContext?) {
    #expect(BinderContext(thread: TaskName(Array(name.utf8))) == context)
  }

  private func map(_ lines: [String]) throws -> ContextMap {
    var reader = CaptureReader(bytes: Array((lines.joined(separator: "\n") + "\n").utf8))
    let survey = try CaptureSurvey(&reader)
    #expect(survey.isComplete)
    return survey.contexts
  }

  private func sent(_ id: Int, node: Int, thread: Int = 0, by sender: Int = 2) -> String {
    "t-\(sender) (2) [000] .... 1.000000: binder_transaction: transaction=\(id) dest_node=\(node) dest_proc=9 "
      + "dest_thread=\(thread) reply=0 flags=0x10 code=0x1"
  }

  private func received(_ id: Int, by name: String, _ thread: Int = 91) -> String {
    "\(name)-\(thread) (9) [000] .... 1.000001: binder_transaction_received: transaction=\(id)"
  }

  @Test func theCase() throws {
    var reader = try CaptureReader(path: CaptureCase.path("two-contexts-one-pid.ftrace"))
    let map = try CaptureSurvey(&reader).contexts
    #expect(
      map.context(ofNode: 1803, in: 1537) == .init(context: .binder, isCertain: true))
    #expect(map.context(ofNode: 122, in: 800) == .init(context: .hwbinder, isCertain: true))
  }

  @Test func nodesByTheirReceivers() throws {
    let map = try map([
      sent(1, node: 5), received(1, by: "HwBinder:9_1"), sent(2, node: 6),
      received(2, by: "binder:9_2"),
      sent(3, node: 7), received(3, by: "main"), sent(4, node: 7), received(4, by: "vndbinder:9_1"),
    ])
    #expect(map.context(ofNode: 5, in: 9) == .init(context: .hwbinder, isCertain: true))
    #expect(map.context(ofNode: 6, in: 9) == .init(context: .binder, isCertain: true))
    #expect(map.context(ofNode: 7, in: 9) == .init(context: .vndbinder, isCertain: true))
    #expect(map.context(ofNode: 8, in: 9) == .init(context: .binder, isCertain: false))
  }

  /// Where nothing tells, the process's only context is likelier than another.
  @Test func theOnlyContext() throws {
    let map = try map([sent(1, node: 5), received(1, by: "HwBinder:9_1")])
    #expect(map.context(ofNode: 99, in: 9) == .init(context: .hwbinder, isCertain: false))
    #expect(map.usual(of: 10) == .init(context: .binder, isCertain: false))
  }

  /// A thread that waits for an answer gets calls of any context.
  @Test func nestedCallsTellNothing() throws {
    let map = try map([sent(1, node: 5, thread: 91), received(1, by: "Binder:9_1")])
    #expect(!map.context(ofNode: 5, in: 9).isCertain)
  }

  @Test func whatOnlyHwbinderSends() throws {
    let map = try map([
      "t-2 (2) [000] .... 1.000000: binder_command: cmd=0x40486311 BC_TRANSACTION_SG",
      sent(1, node: 5), received(1, by: "main"),
      "t-2 (2) [000] .... 1.000002: binder_command: cmd=0x40406300 BC_TRANSACTION",
      sent(2, node: 6), received(2, by: "main"),
    ])
    #expect(map.context(ofNode: 5, in: 9) == .init(context: .hwbinder, isCertain: true))
    #expect(!map.context(ofNode: 6, in: 9).isCertain)
  }
}
