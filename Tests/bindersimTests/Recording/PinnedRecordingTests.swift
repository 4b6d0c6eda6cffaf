import BinderBuffer
import Testing

@testable import bindersim

/// Recordings that a second model of the drivers, written apart from the engine from the drivers'
/// rules (a textbook red-black tree, a list of gaps, a map of pages) and itself checked against
/// recordings of the real drivers, answered in the same way to the last line.
@Suite struct PinnedRecordingTests {
  @Test(
    arguments: [
      (.rust, .mixed, 0xdda1_eebf_ea76_569f),
      (.rust, .small, 0xd8f2_2ac3_dc7b_2799),
      (.rust, .bimodal, 0xb9b2_bdbc_bb18_6fcf),
      (.rust, .oneway, 0x8609_d3fc_865d_5067),
      (.rust, .fifo, 0xfbfa_ce60_bd24_bda2),
      (.rust, .lru, 0x4e98_3408_5de1_08ca),
      (.rust, .pages, 0x25c9_8770_31e9_31ab),
      (.rust, .ties, 0x2ab0_7341_cbae_df25),
      (.c, .mixed, 0x53c6_8d86_f247_8ca0),
      (.c, .small, 0xa2a6_7c15_2a8a_4459),
      (.c, .bimodal, 0x9ff7_51c8_77f6_cdd7),
      (.c, .oneway, 0xa42b_3621_b550_ad05),
      (.c, .fifo, 0x6a4e_e2cb_64c2_c8ea),
      (.c, .lru, 0xc329_2655_5381_31b2),
      (.c, .pages, 0xa164_a555_064b_0350),
      (.c, .ties, 0xdcb4_9901_c90e_0f2e),
      (.c61, .mixed, 0xea01_04e0_7d10_004a),
      (.c61, .small, 0x10c3_b1dc_a8c5_4dc8),
      (.c61, .bimodal, 0xcb28_429e_26b0_de7c),
      (.c61, .oneway, 0x35b0_0724_7a61_3c6d),
      (.c61, .fifo, 0x1063_d998_667c_6d1b),
      (.c61, .lru, 0x6af8_62fe_d987_f2d0),
      (.c61, .pages, 0x2c94_393f_3e90_acb8),
      (.c61, .ties, 0xd28c_2f4c_f383_1d2c),
    ] as [(PlacementPolicy, RecordingWorkload, UInt64)])
  func answersAreThoseOfTheModel(
    policy: PlacementPolicy, workload: RecordingWorkload, expected: UInt64
  ) throws {
    var text = ""
    try runRecord(
      RecordOptions(
        policy: policy, regionLength: 128 << 10, senders: 2, workload: workload, operations: 1500,
        seed: 1)
    ) { text += $0 }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
      hash ^= hash >> 29
    }
    #expect(hash == expected)
    // And what was recorded verifies.
    var verifier = Verifier(RecordingReader(name: "r", bytes: Array(text.utf8)))
    #expect(verifier.run().verdict == .agrees)
  }
}
