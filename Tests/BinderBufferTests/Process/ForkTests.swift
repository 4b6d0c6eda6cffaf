import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// A forked child has copies of everything that its parent holds. They are inert.
@Suite struct ForkTests {
  /// What the child does before it ends.
  enum Deed: CaseIterable { case exit, drop, fill, send, freeKept }

  @Test(.timeLimit(.minutes(1)), arguments: Deed.allCases.indices)
  func theParentHoldsWhatItHeld(deed: Int) async {
    await #expect(processExitsWith: .success) { [deed] in
      for sharing in RegionSharing.allCases {
        let world = try World(sharing: sharing)
        let message = [UInt8](repeating: 0x41, count: 9000)
        try world.send(message, flags: .clearOnFree)
        try world.send(message, flags: .clearOnFree, to: world.server.makeNode())
        var held: Delivery? = try world.server.take()
        let kept = try world.server.take().keep()
        var filling: Allocation<Oneway>? = try world.client.allocateOneway(
          dataSize: 5000, for: world.node)
        try filling!.write(message.span.bytes.extracting(0..<5000))

        let child = fork()
        if child == 0 {
          let other = [UInt8](repeating: 0x42, count: 5000)
          switch Deed.allCases[deed] {
          case .exit:
            world.server.exit()
            world.client.exit()
          case .drop:
            held = nil
            filling = nil
            world.context.reclaim()
          case .fill:
            try? filling!.write(other.span.bytes)
            try? filling!.fillZero(at: 0, length: 5000)
          case .send:
            if (try? world.send(other)) != nil { _exit(1) }
          case .freeKept: try? world.server.free(at: kept)
          }
          _exit(0)
        }
        var status: CInt = 0
        try #require(waitpid(child, &status, 0) == child && status == 0)
        try #require(held!.data == message)
        let receipt = try filling.take()!.send()
        held = nil
        try world.server.free(at: kept)
        let last = try world.server.take()
        try #require(last.debugID == receipt.debugID)
        try #require(last.data == [UInt8](message[..<5000]))
        last.free()
        try world.context.checkInvariants()
        if sharing != .exportableSealed { try world.expectNothingHeld() }
      }
    }
  }
}
