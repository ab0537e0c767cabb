"""What the page of benchmarks says of bodies, data sets, cameras and videos."""

from __future__ import annotations

from sections import Section

MORE_SECTIONS = (
    Section(
        "ct",
        "ct",
        "CT scans to bodies",
        "Simulated scans of mice of known bones (another size, build, limb lengths and posture "
        "each; bed, nose cone, noise; ear tags, cut tails, supine animals among them), written as "
        "DICOM and handled as a user's; medians over scans of medians over an animal. Then the "
        "slices of a real mouse, 0.73 mm apart: published lengths are femur 15 to 16.5, tibia 17 "
        "to 18.5, humerus 11.5 to 12.8, skull 21.5 to 23.5 mm.",
        rows={
            "bone lengths, error, mm": "phantom.bone_length_mm",
            "joints, error, mm": "phantom.joint_mm",
            "joints, nine of ten within, mm": "phantom.joint_p90_mm",
            "skin, error, mm": "phantom.skin_mm",
            "scans with left and right exchanged": "phantom.swapped",
            "scans that failed": "phantom.failed",
            "size found and true, correlation": "phantom.size_r",
            "hind limb length, correlation": "phantom.hind_limb_r",
            "fore limb length, correlation": "phantom.fore_limb_r",
            "seconds a scan": "phantom.seconds",
            "one scan of 1008 x 640 x 640, s": "scan.seconds",
            "its memory at most, MB": "scan.peak_mb",
            "two processes against one, times as fast": "scan.speedup_2",
            "real mouse: body, ml": "real.body_ml",
            "real mouse: bone, ml": "real.bone_ml",
            "real mouse: femur, mm": "real.femur_mm",
            "real mouse: tibia, mm": "real.tibia_mm",
            "real mouse: humerus, mm": "real.humerus_mm",
            "real mouse: skull and soft nose, mm": "real.skull_mm",
            "real mouse: our skin from the scan's, mm": "real.skin_mm",
        },
        options=("--full-size",),
    ),
    Section(
        "ct_skull",
        "ct_skull",
        "Skulls of inbred strains",
        "One skull laid on those of 25 other strains by the code that lays bodies on scans; 45 "
        "landmarks that people placed are carried along and compared. None of the scored strain's "
        "landmarks is used.",
        rows={
            "landmarks, median error, mm": "skull.landmark_mm",
            "nine of ten within, mm": "skull.landmark_p90",
            "centroid size, correlation": "skull.size_r",
            "the same with one strain's landmarks alone, mm": "skull.single_mm",
            "seconds a skull": "skull.seconds",
        },
    ),
    Section(
        "body_models",
        "body_models",
        "The default body beside the published one",
        "Bone lengths at rest (right: joints found in one real mouse of about 21 g, means of left "
        "and right), the mesh, pairs of triangles that cross in typical postures (limbs on the "
        "belly among them), and the distance of the laid skin from that of the real scan, mm.",
        columns={
            "spine, T1 to T13": "SPINE_MID_mm",
            "to the sacrum": "SPINE_HIP_mm",
            "femur": "LEFT_KNEE_mm",
            "humerus": "LEFT_ELBOW_mm",
            "forearm and paw": "LEFT_FORE_PAW_mm",
            "head": "NOSE_mm",
            "closed": "watertight",
            "smallest corner": "minimum_angle",
            "crossings: walking": "crossings_walking",
            "rearing": "crossings_rearing",
            "curled": "crossings_curled",
            "skin from scan": "scan_mm",
        },
    ),
    Section(
        "silhouettes",
        "silhouettes",
        "The skin against the outline of real mice",
        "Poses fitted to 2D points alone (openfield_boxes: 3 labels and 9 points of the outline), "
        "then the skin laid over the mouse that brightness tells from its surroundings, both "
        "without tail, ears and feet: overlap over union, and area of the skin over that of the "
        "mouse (medians). The coat of the default body is that of all mice; its girth was learned "
        "from other recordings of openfield_boxes, with all three sets in view.",
        columns={"IoU": "iou", "area": "share"},
    ),
    Section(
        "triangulate",
        "triangulate",
        "Points from several cameras",
        "dannce_mouse1, 81 hand-labelled poses, exact projections with noise added: 2 px unless "
        "said otherwise. aniposelib in the same run is its plain triangulation; its RANSAC goes "
        "point by point and failed on points that nobody sees. Self-calibration knows neither "
        "places nor turns of the cameras, the worst camera counts; the size comes from the body.",
        rows={
            "exact 2D, rms mm": "triangulate.exact.rms_mm",
            "6 cameras, rms mm": "triangulate.rms_mm",
            "6 cameras, aniposelib": "triangulate.aniposelib_rms_mm",
            "truth in the 90 % region": "triangulate.in_90_region",
            "every tenth view wrong, rms mm": "triangulate.wrong_10_percent.rms_mm",
            "every tenth view wrong, aniposelib": "triangulate.wrong_10_percent.aniposelib_rms_mm",
            "2 cameras, rms mm": "triangulate.cameras_2.rms_mm",
            "3 cameras, rms mm": "triangulate.cameras_3.rms_mm",
            "robust, points a second": "triangulate.points_per_second",
            "plain, points a second": "triangulate.plain_points_per_second",
            "aniposelib, points a second": "triangulate.aniposelib_points_per_second",
            "self-calibration: turn, degrees": "self_calibration.six_cameras.turn_degrees",
            "its place, % of the distance": "self_calibration.six_cameras.place_percent",
            "its scale, %": "self_calibration.six_cameras.scale_error_percent",
            "its points, rms mm": "self_calibration.six_cameras.points_rms_mm",
        },
    ),
    Section(
        "learn_prior",
        "learn_prior",
        "Priors learned anew",
        "Held-out log likelihood (nats a pose, four blocks of time) of mixtures of one to three "
        "components, and root-aligned error (mm) of single views of dannce_mouse1 with them.",
        rows={
            "dannce_mouse1, 1 component": "dannce_mouse1.tree.full.1.held_out",
            "2 components": "dannce_mouse1.tree.full.2.held_out",
            "3 components": "dannce_mouse1.tree.full.3.held_out",
            "stac_mouse_mocap, 1 component": "stac_mouse_mocap.tree.full.1.held_out",
            "stac_mouse_mocap, 2 components": "stac_mouse_mocap.tree.full.2.held_out",
            "stac_mouse_mocap, 3 components": "stac_mouse_mocap.tree.full.3.held_out",
            "published kind, 1 component": "dannce_mouse1.published.full.1.held_out",
            "published kind, 3 components": "dannce_mouse1.published.full.3.held_out",
            "mm, scored poses, shipped prior": "single_view.scored.shipped_prior",
            "mm, scored poses, 1 component": "single_view.scored.1_component",
            "mm, scored poses, 2 components": "single_view.scored.2_components",
            "mm, blocks, shipped prior (saw most of them)": "single_view.blocks.shipped_prior",
            "mm, blocks, 1 component": "single_view.blocks.1_component",
            "mm, blocks, 2 components": "single_view.blocks.2_components",
        },
    ),
    Section(
        "dataset",
        "dataset",
        "The Mouse Pose Analysis Dataset",
        "Reading its records without TensorFlow, on files made for it; a twin of a tenth of its "
        "size made and checked whole; damaged record files and scans, each read in a process with "
        "512 MB and 10 s.",
        rows={
            "MB a second, index of a warm file": "scan.mb_per_second",
            "MB a second, payloads with checksums": "read.mb_per_second",
            "MB of memory at most, a million records": "iterate.peak_mb",
            "frames a second with their picture": "frames.per_second",
            "pictures a second, the JPEG decoder alone": "frames.decoder_per_second",
            "damaged files": "fuzz.cases",
            "of these not told or not survived": "fuzz.crashes",
            "seconds, the slowest of them": "fuzz.slowest_s",
            "seconds to make a twin of a tenth of its size": "twin.seconds",
            "seconds to check it with every picture and scan": "twin.validate_seconds",
            "rules it breaks": "twin.broken_rules",
        },
    ),
    Section(
        "keypoints",
        "keypoints",
        "Keypoints from video: cameras never seen",
        "The shipped network on real recordings, crops about the labelled mouse, view declared: "
        "median error in % of the body's length, share within 10 and 20 %, exchanged sides and "
        "ends (%), and how well its confidence tells errors above 10 % (AUROC). openfield_boxes: "
        "recordings held out of training; mirror: the last third of its only recording; the others "
        "are of cameras and mice that were never learned from.",
        columns={
            "median": "zero_shot.median_percent",
            "within 10 %": "zero_shot.pck10",
            "within 20 %": "zero_shot.pck20",
            "sides": "zero_shot.swaps_percent",
            "ends": "zero_shot.flips_percent",
            "AUROC": "zero_shot.auroc",
        },
    ),
    Section(
        "throughput",
        "throughput",
        "How fast a video goes through",
        "864 x 648 px, H.264, one mouse, two threads; every stage alone, then the chain from the "
        "video to the file of poses. Growth of memory is from the second to the last quarter.",
        rows={
            "decoding, frames a second": "decode.per_second",
            "finding and following": "detect.per_second",
            "keypoints": "keypoints.per_second",
            "video to keypoints": "watch.per_second",
            "fit through time": "fit.per_second",
            "all of it": "chain.per_second",
            "most memory, MB": "chain.peak_mb",
            "two hours of video: most memory, MB": "memory.peak_mb",
            "growth while watching, MB": "memory.watch_growth_mb",
            "growth while fitting, MB": "memory.fit_growth_mb",
        },
    ),
)
