"""The networks that Table 2 of the U2-Net paper compares, by name.

Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: U2-Net, Pattern Recognition 106, 2020,
doi:10.1016/j.patcog.2020.107404, section 4.4. No code of these networks was published but that of
U2-Net itself. Where the paper leaves a choice open, each class says which reading is built here, and
takes it as a parameter.
"""

from collections.abc import Mapping

NETWORKS: Mapping[str, str] = {
    "unet": "sodbench.models.ablation.unets:unet",
    "pln-unet": "sodbench.models.ablation.unets:pln_unet",
    "res-unet": "sodbench.models.ablation.unets:res_unet",
    "dse-unet": "sodbench.models.ablation.unets:dse_unet",
    "inc-unet": "sodbench.models.ablation.unets:inc_unet",
    "ppm-unet": "sodbench.models.ablation.unets:ppm_unet",
    "hourglass": "sodbench.models.ablation.hourglass:hourglass",
    "cunet": "sodbench.models.ablation.cunet:cunet",
    "niv-u2net": "sodbench.models.ablation.unets:niv_u2net",
    "vgg16-u2net": "sodbench.models.ablation.backbones:vgg16_u2net",
    "resnet50-u2net": "sodbench.models.ablation.backbones:resnet50_u2net",
    "u2net": "sodbench.models.u2net:u2net",
    "u2netp": "sodbench.models.u2net:u2netp",
}
"""Name -> ``module:function`` that builds the network without weights; in the order of Table 2."""
