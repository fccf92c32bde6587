"""The verified reference: every formula proved, certified and traced to the code. A chapter per subject."""

#: chapters in reading order, each with the modules that hold its entries (one not yet written is passed over)
CHAPTERS = {
    "geometry": ("geometry", "geodesics", "models_of_space", "room"),
    "horospherical_gaussian": (
        "horospherical_gaussian",
        "horospherical_information",
        "horospherical_kl",
        "horospherical_kl_properties",
    ),
    "coupled_family": ("coupled_family", "coupled_kl"),
    "riemannian_normal": (
        "riemannian_normal",
        "riemannian_normal_kl",
        "riemannian_normal_nearness",
        "riemannian_normal_exact",
    ),
    "other_families": ("other_families", "gaussian_manifold"),
    "environment": ("environment", "observations", "tree_embedding"),
    "objective": ("objective", "rank_statistics"),
}
